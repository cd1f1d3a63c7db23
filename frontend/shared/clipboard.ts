// To the clipboard, also on a page that has none of the newer kind.

/** Select what `element` shows and copy it, `text`. */
export async function copy(element: HTMLElement, text: string): Promise<void> {
  if (element instanceof HTMLTextAreaElement) element.select();
  else getSelection()?.selectAllChildren(element);
  try {
    await navigator.clipboard.writeText(text);
  } catch {
    document.execCommand("copy"); // a page without https
  }
}
