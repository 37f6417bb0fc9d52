// What @simplewebauthn/server says of ceremonies: an array of them on standard input, of verdicts on standard output.

import { verifyAuthenticationResponse, verifyRegistrationResponse } from '@simplewebauthn/server';

const chunks = [];
for await (const chunk of process.stdin) chunks.push(chunk);
const verdicts = [];
for (const it of JSON.parse(Buffer.concat(chunks))) {
  const common = {
    response: it.response,
    expectedChallenge: it.challenge,
    expectedOrigin: it.origin,
    expectedRPID: it.rp_id,
    requireUserVerification: it.require_uv,
  };
  try {
    const { verified } =
      it.kind === 'registration'
        ? await verifyRegistrationResponse({ ...common, supportedAlgorithmIDs: [-7] })
        : await verifyAuthenticationResponse({
            ...common,
            credential: {
              id: it.credential.id,
              publicKey: new Uint8Array(Buffer.from(it.credential.key, 'base64url')),
              counter: it.credential.counter,
            },
          });
    verdicts.push({ accepted: verified, why: '' });
  } catch (error) {
    verdicts.push({ accepted: false, why: String(error.message) });
  }
}
process.stdout.write(JSON.stringify(verdicts));
