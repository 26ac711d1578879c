// The tests of the pure modules alone, for mutation testing: they need no server.
import { defineConfig } from "vitest/config";

export default defineConfig({ test: { include: ["test/login/**/*.test.ts", "test/masking/**/*.test.ts"] } });
