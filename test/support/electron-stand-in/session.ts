import { onOrder, told } from './control.ts';

type Contents = { getURL(): string };
type Handler = (request: Request) => Response | Promise<Response>;
type Decide<T> = (decision: T) => void;

export const schemes = new Map<string, Handler>();

export const protocol = {
  registerSchemesAsPrivileged: (list: unknown) => told('protocol.registerSchemesAsPrivileged', list),
  handle: (scheme: string, handler: Handler) => void schemes.set(scheme, handler),
};

type RequestHandler = (contents: Contents, permission: string, decide: Decide<boolean>) => void;
type CheckHandler = (contents: Contents | null, permission: string, origin: string) => boolean;
type BeforeRequest = (details: { url: string }, decide: Decide<{ cancel?: boolean }>) => void;

/** As open as Electron's is until an app closes it. */
class Session {
  #request: RequestHandler = (_contents, _permission, decide) => decide(true);
  #check: CheckHandler = () => true;
  #before: BeforeRequest = (_details, decide) => decide({});

  readonly webRequest = { onBeforeRequest: (listener: BeforeRequest) => void (this.#before = listener) };

  setPermissionRequestHandler(handler: RequestHandler): void {
    this.#request = handler;
  }

  setPermissionCheckHandler(handler: CheckHandler): void {
    this.#check = handler;
  }

  setDevicePermissionHandler(handler: () => boolean): void {
    told('session.setDevicePermissionHandler', handler());
  }

  /** Whether both handlers allow it to a page at `address`. */
  allows(permission: string, address: string): boolean {
    let granted = false;
    this.#request({ getURL: () => address }, permission, (decision) => void (granted = decision));
    return granted && this.#check(null, permission, address.replace(/^(\w+:\/\/[^/]*).*$/, '$1/'));
  }

  /** Whether a request may go out. */
  passes(url: string): boolean {
    let isCancelled = false;
    this.#before({ url }, ({ cancel = false }) => void (isCancelled = cancel));
    return !isCancelled;
  }
}

export const session = { defaultSession: new Session() };

onOrder((order) => {
  if ('permission' in order)
    told('permission', order.permission, session.defaultSession.allows(order.permission, order.from));
});
