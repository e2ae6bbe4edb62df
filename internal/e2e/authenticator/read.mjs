// Reads otpauth URIs as a JSON array from the standard input. Prints what the app shows of each: the names, and the codes at
// the times of the arguments, in seconds, of two libraries.
import { text } from 'node:stream/consumers';
import { URI } from 'otpauth';
import { generateSync } from 'otplib';

const times = process.argv.slice(2).map(Number);
const results = JSON.parse(await text(process.stdin)).map((uri) => {
  const app = URI.parse(uri);
  return {
    issuer: app.issuer,
    account: app.label,
    codes: times.map((seconds) => app.generate({ timestamp: seconds * 1000 })),
    others: times.map((epoch) => generateSync({ secret: app.secret.base32, epoch, digits: app.digits, period: app.period })),
  };
});
process.stdout.write(JSON.stringify(results));
