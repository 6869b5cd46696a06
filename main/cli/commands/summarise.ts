import { defineCommand, UsageError } from '../command.ts';
import { printReport } from '../report.ts';

export const summarise = defineCommand({
  name: 'summarise',
  usage: 'FILE',
  summary: 'sum up a document of any length, section by section',
  options: {},
  fetch: 'starter',
  run(context) {
    const { positionals } = context;
    if (positionals.length !== 1) throw new UsageError('summarise takes one file');
    return printReport(positionals, (client, [document]) => client.documents.summarise({ id: document!.id }), context);
  },
});
