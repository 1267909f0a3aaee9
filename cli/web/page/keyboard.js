// Keys that work wherever no text is typed.

/// `actions`: by key; each gets the event.
export function listenToKeys(actions) {
  document.addEventListener('keydown', (event) => {
    if (event.ctrlKey || event.altKey || event.metaKey || event.defaultPrevented) return;
    if (document.querySelector('dialog[open]')) return;
    if (isTyping(event.target) && event.key !== 'Escape') return;
    const action = actions[event.key];
    if (!action) return;
    event.preventDefault();
    action(event);
  });
}

export function isTyping(element) {
  return element.matches?.('input:not([type=checkbox]):not([type=file]), textarea, select') ?? false;
}
