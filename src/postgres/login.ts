// The settings that a connection logs in with, and their renewal after a rejected login.
import { eachServer, type DatabaseSettings } from "../config/database.ts";
import { isRejectedLogin } from "./errors.ts";
import { chooseServer, type ServerState } from "./servers.ts";

/** Logs in to one server. */
type Ask = (server: DatabaseSettings) => Promise<ServerState>;

/** The login of a connection's sessions. Later sessions use the renewed settings too. */
export class Login {
  #settings: DatabaseSettings;

  constructor(settings: DatabaseSettings) {
    this.#settings = settings;
  }

  get settings(): DatabaseSettings {
    return this.#settings;
  }

  /**
   * The settings for the server of the next session. If the server rejects the login, reads the settings again, and retries once if they differ.
   *
   * @throws {Failure} as {@link chooseServer} does, and what `renew` throws; the first one if the login is rejected twice
   */
  async server(ask: Ask): Promise<DatabaseSettings> {
    const before = this.#settings;
    const { renew } = before;
    try {
      return await chooseServer(before, ask);
    } catch (error) {
      if (renew === undefined || !isRejectedLogin(error)) throw error;
      this.#settings = { ...(await renew()), renew };
      if (isSameLogin(before, this.#settings)) throw error;
      try {
        return await chooseServer(this.#settings, ask);
      } catch (second) {
        throw isRejectedLogin(second) ? error : second;
      }
    }
  }
}

function isSameLogin(one: DatabaseSettings, other: DatabaseSettings): boolean {
  return loginText(one) === loginText(other);
}

/** The servers' addresses, and everything that the login sends to them. */
function loginText(settings: DatabaseSettings): string {
  return JSON.stringify(
    eachServer(settings).map(({ host, address, port, database, user, auth, password, ...others }) => [
      ...[host, address, port, database, user, auth, password?.reveal()],
      ...[others.sslMode, others.sslRootCert, others.options],
    ]),
  );
}
