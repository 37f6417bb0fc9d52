// What the program that starts a suite tells it.

/** A variable of the environment, without which the suite cannot run. */
export function required(name) {
  const value = process.env[name];
  if (!value) throw new Error(`${name} is not set`);
  return value;
}
