import { defineCommand, UsageError } from '../command.ts';
import { printReport } from '../report.ts';

export const compare = defineCommand({
  name: 'compare',
  usage: 'EARLIER LATER',
  summary: 'say what changed from one document to another, and what that means',
  options: {},
  fetch: 'starter',
  run(context) {
    const { positionals } = context;
    if (positionals.length !== 2) throw new UsageError('compare takes two files');
    return printReport(
      positionals,
      (client, [before, after]) => client.documents.compare({ before: before!.id, after: after!.id }),
      context,
    );
  },
});
