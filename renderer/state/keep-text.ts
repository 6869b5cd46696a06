/** Keeps what somebody is writing, so that a reload finds it; '' lets it go. */
export function keepText(storage: Storage, key: string, text: string): void {
  try {
    if (text === '') storage.removeItem(key);
    else storage.setItem(key, text);
  } catch {
    storage.removeItem(key); // more than a tab may keep; an older text would be worse than none
  }
}
