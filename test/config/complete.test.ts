import { expect, it } from "vitest";
import { Problems } from "../../src/config/readers.ts";
import { Failure } from "../../src/failure.ts";

it("gives the settings that a command needs, once all of them were read", () => {
  const { days } = new Problems().complete({ days: [30][0], empty: "" });
  expect(days.toFixed(0)).toBe("30");
});

it("throws every mistake when one of them could not be read", () => {
  const problems = new Problems();
  problems.add("--days takes a whole number of 1 or more.");
  problems.add("--queue is neither a name nor a URL nor an ARN.");
  expect(() => problems.complete({ days: undefined })).toThrow(
    new Failure(
      "configuration",
      "--days takes a whole number of 1 or more.\n--queue is neither a name nor a URL nor an ARN.",
    ),
  );
});

it("reports a defect when a reader returned nothing and added no mistake", () => {
  const complete = (): object => new Problems().complete({ days: undefined });
  expect(complete).toThrow("no mistake was added");
  expect(complete).not.toThrow(Failure);
});
