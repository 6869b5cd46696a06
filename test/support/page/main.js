// Connects as the real page does and shows what became of it.
const socket = new WebSocket(`ws://${location.host}/assistant`, ['longhand', location.hash.slice(1)]);
socket.onopen = () => (document.title = 'connected');
socket.onclose = ({ code }) => (document.title = `closed with ${code}`);
