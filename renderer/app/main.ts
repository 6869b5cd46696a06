import '@fontsource-variable/inter/wght.css';
import '@fontsource-variable/noto-sans-sc/wght.css';
import './tokens.css';
import './base.css';
import { mount } from 'svelte';
import { Session } from '../state/session.svelte.ts';
import App from './App.svelte';
import { socketDial, takeToken } from './socket.ts';

const session = new Session(socketDial(location.host, takeToken(window)));
const target = document.getElementById('app');
if (target === null) throw new Error('index.html lacks #app');
mount(App, { target, props: { session } });
