// Passkeys, with the browser's own methods and their JSON form. A page works without this file, by its other ways.
//
// A form with `data-passkey` holds the options; it is shown where the browser knows passkeys, and sent with the answer.
'use strict';

const known = globalThis.PublicKeyCredential;
const knows = Boolean(known?.parseRequestOptionsFromJSON && known.parseCreationOptionsFromJSON);

for (const form of document.querySelectorAll('form[data-passkey]')) prepare(form);
if (!knows) for (const hint of document.querySelectorAll('[data-no-passkeys]')) hint.hidden = false;

// What the account has: the browser offers no passkey any more that was removed here.
for (const element of document.querySelectorAll('[data-accepted]')) {
  known?.signalAllAcceptedCredentials?.(JSON.parse(element.dataset.accepted)).catch(() => {});
}

async function prepare(form) {
  if (!knows) return;
  form.hidden = false;
  const creates = form.dataset.passkey === 'create';
  const options = JSON.parse(form.dataset.options);
  const complaint = form.querySelector('[data-failed]');
  let asking = new AbortController();

  const ask = async (mediation) => {
    // The browser answers one question at a time.
    asking.abort();
    asking = new AbortController();
    const { signal } = asking;
    const credential = creates
      ? await navigator.credentials.create({ publicKey: known.parseCreationOptionsFromJSON(options), signal })
      : await navigator.credentials.get({ publicKey: known.parseRequestOptionsFromJSON(options), mediation, signal });
    form.elements.response.value = JSON.stringify(credential.toJSON());
    HTMLFormElement.prototype.submit.call(form);
  };

  form.addEventListener('submit', (event) => {
    event.preventDefault();
    complaint.hidden = true;
    ask().catch((error) => {
      if (error.name !== 'AbortError') complaint.hidden = false;
    });
  });
  // In the list of names that the browser offers for the first field.
  if (form.dataset.passkey === 'conditional' && (await known.isConditionalMediationAvailable?.())) {
    ask('conditional').catch(() => {});
  }
}
