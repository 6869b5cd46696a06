const TYPE = 'application/x-longhand-conversation';

/** Makes an element carry a conversation when it is dragged. */
export function startDrag(event: DragEvent, conversationId: string, title: string): void {
  event.dataTransfer?.setData(TYPE, conversationId);
  event.dataTransfer?.setData('text/plain', title);
  if (event.dataTransfer) event.dataTransfer.effectAllowed = 'move';
}

/** An attachment: the element takes conversations that are dropped on it, and has `data-over` while one hovers. */
export function dropTarget(take: (conversationId: string) => void) {
  return (element: HTMLElement) => {
    const controller = new AbortController();
    const { signal } = controller;
    const carries = (event: DragEvent) => event.dataTransfer?.types.includes(TYPE) ?? false;
    const over = (event: DragEvent) => {
      if (!carries(event)) return;
      event.preventDefault();
      element.dataset.over = '';
    };
    const leave = () => delete element.dataset.over;
    const drop = (event: DragEvent) => {
      leave();
      const id = event.dataTransfer?.getData(TYPE);
      if (!id) return;
      event.preventDefault();
      take(id);
    };
    element.addEventListener('dragover', over, { signal });
    element.addEventListener('dragleave', leave, { signal });
    element.addEventListener('drop', drop, { signal });
    return () => controller.abort();
  };
}
