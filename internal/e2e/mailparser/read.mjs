// Reads mails as JSON from the standard input: an object from names to texts. Prints what mailparser has read of each.
import { text } from 'node:stream/consumers';
import { simpleParser } from 'mailparser';

const mails = JSON.parse(await text(process.stdin));
const results = {};
for (const [name, source] of Object.entries(mails)) {
  // Without these options, mailparser would make a part of the other one, and links of addresses.
  const mail = await simpleParser(Buffer.from(source, 'base64'), {
    skipHtmlToText: true,
    skipTextToHtml: true,
    skipTextLinks: true,
    skipImageLinks: true,
  });
  results[name] = {
    subject: mail.subject,
    text: mail.text,
    html: mail.html,
    from: mail.from.value,
    to: mail.to.value,
    date: mail.date,
    messageId: mail.messageId,
    attachments: mail.attachments.length,
    autoSubmitted: mail.headers.get('auto-submitted'),
    language: mail.headers.get('content-language'),
    defects: mail.headerLines.filter(({ line }) => /[^\x20-\x7e\r\n\t]/.test(line) || line.split('\r\n').some((part) => part.length > 998)),
  };
}
process.stdout.write(JSON.stringify(results));
