// A proof of work: finds a number for which SHA-256 of "challenge:number" begins with so many zero bits, and sends the form.
// See ciam_core::abuse::ProofOfWork. Works in slices, so that the page stays usable meanwhile.
"use strict";
(() => {
  const form = document.querySelector("form[data-challenge]");
  if (!form) return;
  const { challenge, bits } = form.dataset;
  const wanted = Number(bits);
  const K = new Uint32Array(64);
  const H = new Uint32Array(8);
  // The constants of SHA-256 are the fractions of roots of the first primes (FIPS 180-4, sections 4.2.2 and 5.3.3).
  for (let n = 2, found = 0; found < 64; n++) {
    let prime = true;
    for (let d = 2; d * d <= n; d++) if (n % d === 0) { prime = false; break; }
    if (!prime) continue;
    if (found < 8) H[found] = Math.floor((Math.sqrt(n) % 1) * 4294967296);
    K[found++] = Math.floor((Math.cbrt(n) % 1) * 4294967296);
  }
  const W = new Uint32Array(64);
  const turn = (x, n) => (x >>> n) | (x << (32 - n));

  // The zero bits with which the digest of a text begins. The text is plain ASCII and fits into one block.
  function zeros(text) {
    const bytes = new Uint8Array(64);
    for (let i = 0; i < text.length; i++) bytes[i] = text.charCodeAt(i);
    bytes[text.length] = 0x80;
    const view = new DataView(bytes.buffer);
    view.setUint32(60, text.length * 8);
    for (let i = 0; i < 16; i++) W[i] = view.getUint32(i * 4);
    for (let i = 16; i < 64; i++) {
      const a = W[i - 15], b = W[i - 2];
      const s0 = turn(a, 7) ^ turn(a, 18) ^ (a >>> 3);
      const s1 = turn(b, 17) ^ turn(b, 19) ^ (b >>> 10);
      W[i] = (W[i - 16] + s0 + W[i - 7] + s1) | 0;
    }
    let [a, b, c, d, e, f, g, h] = H;
    for (let i = 0; i < 64; i++) {
      const s1 = turn(e, 6) ^ turn(e, 11) ^ turn(e, 25);
      const t1 = (h + s1 + ((e & f) ^ (~e & g)) + K[i] + W[i]) | 0;
      const s0 = turn(a, 2) ^ turn(a, 13) ^ turn(a, 22);
      const t2 = (s0 + ((a & b) ^ (a & c) ^ (b & c))) | 0;
      h = g; g = f; f = e; e = (d + t1) | 0; d = c; c = b; b = a; a = (t1 + t2) | 0;
    }
    const first = (a + H[0]) >>> 0;
    return first === 0 ? 32 : Math.clz32(first);
  }

  let number = 0;
  function work() {
    const until = performance.now() + 40;
    do {
      if (zeros(`${challenge}:${number}`) >= wanted) {
        form.elements.namedItem("response").value = String(number);
        form.submit();
        return;
      }
      number++;
    } while (performance.now() < until);
    setTimeout(work, 0);
  }
  for (const it of document.querySelectorAll("[data-working]")) it.hidden = false;
  for (const it of document.querySelectorAll("[data-waiting]")) it.hidden = true;
  work();
})();
