// Marks that turn the direction of what follows. In code and in addresses they make a reader see another text than a
// machine does, and no answer needs them: every block takes its direction from its own first letter.
const TURNS = /[\u202a-\u202e\u2066-\u2069]/g;

/** Text with its hidden turns of direction written out: "a\u202eb" -> "a[U+202E]b". */
export function visible(text: string): string {
  return text.replace(TURNS, (mark) => `[U+${mark.charCodeAt(0).toString(16).toUpperCase()}]`);
}
