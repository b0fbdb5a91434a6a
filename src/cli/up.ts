import type { Command } from 'commander';
import { print, printJson } from './output.ts';
import { embeddedPlace, settingsOf } from './session.ts';

export function register(command: Command): void {
  command.option('--json', 'print one JSON document').action(async (flags: { json?: boolean }) => {
    const settings = settingsOf();
    const { address, webUi } = await embeddedPlace(settings, { orders: true });
    if (flags.json)
      return printJson({ ok: true, address, web_ui: webUi, home: settings.home, exit_code: 0, reason: 'up' });
    print(`up  server ${address}  Web UI ${webUi}  home ${settings.home}`);
  });
}
