// Chromium's virtual authenticator: https://chromedevtools.github.io/devtools-protocol/tot/WebAuthn/

const enabled = new WeakSet();

/** A phone or laptop that keeps passkeys, verifies its owner, and whose owner is there. */
export async function authenticator(cdp) {
  if (!enabled.has(cdp)) {
    await cdp.send('WebAuthn.enable');
    enabled.add(cdp);
  }
  const { authenticatorId } = await cdp.send('WebAuthn.addVirtualAuthenticator', {
    options: {
      protocol: 'ctap2', ctap2Version: 'ctap2_1', transport: 'internal', hasResidentKey: true,
      hasUserVerification: true, isUserVerified: true, automaticPresenceSimulation: true,
      defaultBackupEligibility: true, defaultBackupState: true,
    },
  });
  return authenticatorId;
}

/** What it keeps. */
export async function credentials(cdp, authenticatorId) {
  return (await cdp.send('WebAuthn.getCredentials', { authenticatorId })).credentials;
}

/** Whether its owner is there to answer. */
export async function presence(cdp, authenticatorId, enabled) {
  await cdp.send('WebAuthn.setAutomaticPresenceSimulation', { authenticatorId, enabled });
}
