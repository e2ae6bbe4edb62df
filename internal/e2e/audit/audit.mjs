// Runs the GraphQL over HTTP audits against the server at the URL in the first argument. Prints a line for each
// finding, and then the counts. Fails on findings of any kind.
import { auditServer } from 'graphql-http';

const [url] = process.argv.slice(2);
if (!url) {
  console.error('usage: node audit.mjs URL');
  process.exit(2);
}

const results = await auditServer({ url });
const counts = { ok: 0, notice: 0, warn: 0, error: 0 };
for (const { id, name, status, reason } of results) {
  counts[status]++;
  if (status !== 'ok') {
    console.log(`${status}: ${id} ${name}: ${reason}`);
  }
}
const { ok, notice, warn, error } = counts;
console.log(`${results.length} audits: ${ok} ok, ${notice} notices, ${warn} warnings, ${error} errors`);
process.exitCode = ok < results.length ? 1 : 0;
