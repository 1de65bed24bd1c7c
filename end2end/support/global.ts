// One hub for all tests, started before the first and ended after the last.
import { Stack } from './stack.ts';

export default async function start(): Promise<() => Promise<void>> {
  const stack = await Stack.start('shared');
  process.env.HUB_URL = stack.url;
  return () => stack.end();
}
