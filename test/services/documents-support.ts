import { startTalk, until } from './assistant-support.ts';

/** A talk with documents of these texts on the shelf, read. */
export async function talkOver(...texts: string[]) {
  const talk = await startTalk();
  const { client } = talk;
  const documentIds: string[] = [];
  for (const [index, text] of texts.entries()) {
    const { id } = await client.documents.addText({ name: `text ${index + 1}.md`, text });
    await until(async () => (await client.documents.get({ id })).state === 'ready');
    documentIds.push(id);
  }
  return { ...talk, documentIds };
}
