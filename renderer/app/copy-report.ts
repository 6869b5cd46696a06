import { reportText } from '../state/diagnostics.svelte.ts';
import type { Session } from '../state/session.svelte.ts';
import { t } from './i18n/index.svelte.ts';

/** Puts the diagnostic report on the clipboard and says so. */
export async function copyReport(session: Session): Promise<void> {
  const { diagnostics, model } = session;
  await session.try(async () => {
    if (diagnostics.findings === null) await diagnostics.check();
    const { hello, processes, findings } = diagnostics;
    const { userAgent } = navigator;
    const text = reportText({ hello, processes, findings: findings ?? [], model: model.name, userAgent });
    await navigator.clipboard.writeText(text);
    session.say(t().diagnostics.reportCopied);
  });
}
