//! Factors, passkeys, step-up, device binding and adaptive risk.
