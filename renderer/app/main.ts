import '@fontsource-variable/inter/wght.css';
import '@fontsource-variable/noto-sans-sc/wght.css';
import './tokens.css';
import './base.css';
import { mount, unmount } from 'svelte';
import type { Bridge } from '../../main/contract/bridge.ts';
import type { LonghandError } from '../../main/contract/errors.ts';
import Failure from '../components/Failure.svelte';
import { Session } from '../state/session.svelte.ts';
import App from './App.svelte';
import { electronDial } from './electron-port.ts';
import { formatCount } from './format.ts';
import { socketDial, takeToken } from './socket.ts';

const bridge = window.longhand;
const dial = bridge
  ? electronDial(bridge, window, (error) => showFailure(bridge, error))
  : socketDial(location.host, takeToken(window));
const session = new Session(dial);
let app: ReturnType<typeof mount> | null = null;
// Reading the program takes one task and making the page another: together they held up whoever types or clicks.
const starting = setTimeout(() => (app = mount(App, { target: place(), props: { session } })));
// The first number that is written costs the browser a frame or two: now, rather than when a file is dragged over the page.
requestIdleCallback(() => formatCount(0));

/** Without an assistant there is nothing to show but the reason. */
function showFailure(bridge: Bridge, error: LonghandError): void {
  session.close();
  clearTimeout(starting);
  if (app) void unmount(app);
  const retry = () => {
    bridge.restart();
    location.reload();
  };
  mount(Failure, { target: place(), props: { problem: error, retry } });
}

function place(): HTMLElement {
  const target = document.getElementById('app');
  if (target === null) throw new Error('index.html lacks #app');
  return target;
}
