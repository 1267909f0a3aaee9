// Short messages at the page's lower edge, which go by themselves; errors stay longer.
import {byId, icon, make} from './elements.js';

const SHOWN_MS = 4000, ERROR_MS = 12_000, MOST = 4;

export function say(text) {
  show(text, 'message', SHOWN_MS);
}
export function sayError(text) {
  show(text, 'message bad', ERROR_MS);
}

function show(text, kind, milliseconds) {
  const list = byId('messages');
  const message = make('div', {class: kind}, make('span', {}, text),
    make('button', {class: 'plain', 'aria-label': 'Dismiss', onclick: () => message.remove()}, icon('close')));
  list.append(message);
  while (list.children.length > MOST) list.firstChild.remove();
  setTimeout(() => message.remove(), milliseconds);
}

/// Copies a text, and says so. Pages without TLS have no clipboard of their own.
export async function copy(text, what) {
  try {
    await navigator.clipboard.writeText(text);
  } catch {
    const field = make('textarea', {class: 'unseen', 'aria-hidden': 'true'});
    const focused = document.activeElement;
    field.value = text;
    (document.querySelector('dialog[open]') ?? document.body).append(field);
    field.select();
    const copied = document.execCommand('copy');
    field.remove();
    focused?.focus();
    if (!copied) return sayError(`The browser does not let the page copy. ${what}: ${text}`);
  }
  say(`${what} copied.`);
}
