/** The forms of `--progress` (SPEC C2): while a command waits, one of them owns standard error. */
import { harmlessJson, type Outlet, setOutlet, STANDARD_ERROR, writeError } from './output.ts';
import { messageEvent, type ProgressEvent, ProgressEvents } from './progress-events.ts';
import { PlainLines } from './progress-plain.ts';
import type { View } from './progress-view.ts';
import { canMove, lookOf, prefersPlain } from './terminal.ts';

export const PROGRESS_FLAGS = ['auto', 'tty', 'plain', 'quiet', 'rawjson'] as const;
export type ProgressFlag = (typeof PROGRESS_FLAGS)[number];
type ProgressForm = Exclude<ProgressFlag, 'auto'>;

export interface Progress {
  form: ProgressForm;
  /** `viewAt`: the picture for any moment until the next look at the server. */
  show: (viewAt: (nowMs: number) => View) => void;
  /** Nothing is drawn after it. `stays`: the last picture remains on the screen. */
  end: (stays: boolean) => void;
}

/** From here on texts of the command go where the form wants them, also those of its end. */
export async function openProgress(flag: ProgressFlag): Promise<Progress> {
  switch (formOf(flag)) {
    case 'tty':
      return screenProgress();
    case 'plain': {
      const lines = new PlainLines(lookOf(process.stderr));
      return onEachLook('plain', (view) => lines.of(view).forEach(writeError));
    }
    case 'quiet':
      setOutlet({ ...STANDARD_ERROR, note: () => undefined });
      return onEachLook('quiet', () => undefined);
    case 'rawjson': {
      const events = new ProgressEvents();
      const message = (text: string) => writeEvent(messageEvent(text, Date.now()));
      setOutlet({ say: message, note: message, isText: false });
      return onEachLook('rawjson', (view) => events.of(view).forEach(writeEvent));
    }
  }
}

/** Without a terminal that can do it, `tty` is plain: no escape sequence ever gets into a pipe (SPEC C2). */
function formOf(flag: ProgressFlag): ProgressForm {
  const isAuto = flag === 'auto';
  if (!isAuto && flag !== 'tty') return flag;
  return canMove(process.stderr) && !(isAuto && prefersPlain()) ? 'tty' : 'plain';
}

async function screenProgress(): Promise<Progress> {
  const { ProgressScreen } = await import('./progress-screen.ts');
  const screen = new ProgressScreen(process.stderr);
  const above = (text: string) => screen.say(text);
  const outlet: Outlet = { say: above, note: above, isText: true };
  setOutlet(outlet);
  return {
    form: 'tty',
    show: (viewAt) => screen.show(viewAt),
    end: (stays) => {
      screen.end(stays);
      setOutlet(STANDARD_ERROR);
    },
  };
}

function onEachLook(form: ProgressForm, tell: (view: View) => void): Progress {
  return { form, show: (viewAt) => tell(viewAt(Date.now())), end: () => undefined };
}

function writeEvent(event: ProgressEvent): void {
  writeError(harmlessJson(event));
}
