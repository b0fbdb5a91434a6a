/**
 * `npm run report-look`: the report in a real browser (Chromium of the system, or `CHROMIUM_PATH`): 40 hostile texts stay
 * inert, nothing leaves the page, axe-core finds nothing serious, 200 and 1,000 tasks open and scroll. Exit 1 when one of
 * the first three does not hold; times are told. `--shots DIR` keeps screenshots.
 */
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import axe from 'axe-core';
import { type Browser, chromium, type Page } from 'playwright-core';
import sharp from 'sharp';
import { pageOf } from '../../src/report/page.ts';
import { HOSTILE_TEXTS, sampleReport } from './sample-report.ts';

const { values } = parseArgs({ options: { shots: { type: 'string' } } });
const executablePath = process.env['CHROMIUM_PATH'] ?? '/usr/bin/chromium';
const folder = mkdtempSync(join(tmpdir(), 'imgproof-look-'));

if (existsSync(executablePath)) process.exitCode = await look();
else {
  console.error(`there is no Chromium at ${executablePath}: apt-get install chromium, or set CHROMIUM_PATH`);
  process.exitCode = 3;
}
rmSync(folder, { recursive: true, force: true });

async function look(): Promise<number> {
  const browser = await chromium.launch({ executablePath, args: ['--no-sandbox'] });
  const problems: string[] = [];
  try {
    await makeThumbs();
    problems.push(...(await playHostile(browser)));
    for (const count of [200, 1_000]) problems.push(...(await playMany(browser, count)));
  } finally {
    await browser.close();
  }
  for (const problem of problems) console.log(`FAILED ${problem}`);
  console.log(problems.length === 0 ? 'ok     inert, alone, accessible' : `${problems.length} failed`);
  return problems.length === 0 ? 0 : 1;
}

async function playHostile(browser: Browser): Promise<string[]> {
  const { page, problems } = await open(browser, 'hostile', HOSTILE_TEXTS.length);
  for (let i = 0; i < HOSTILE_TEXTS.length; i += 1) {
    await page.locator('.picture').nth(i).click();
    const shown = await page.locator('dialog .prompt').first().textContent();
    if (shown?.startsWith(HOSTILE_TEXTS[i] as string) !== true)
      problems.push(`text ${i} is not shown as it is`);
    await page.keyboard.press('Escape');
  }
  // Bars and their titles carry the same texts; so does the other language.
  for (const name of ['Timeline', '中文', 'English', 'Contact sheet'])
    await page.getByRole('button', { name, exact: true }).click();
  const links = await page.evaluate<string[]>("[...document.querySelectorAll('a[href]')].map((a) => a.href)");
  problems.push(
    ...links.filter((link) => !link.startsWith(`file://${folder}/`)).map((link) => `a link to ${link}`),
  );
  const foreign = await page.evaluate<number>(
    "document.querySelectorAll('script,iframe,object,embed,[onclick]').length",
  );
  if (foreign > 0) problems.push(`${foreign} elements that are not ours`);
  if ((await page.evaluate('globalThis.hacked')) !== undefined) problems.push('a text was run');
  console.log(`${HOSTILE_TEXTS.length} hostile texts: ${problems.length === 0 ? 'inert' : 'NOT INERT'}`);
  problems.push(...(await accessibility(page)));
  await shots(page);
  await page.context().close();
  return problems;
}

async function playMany(browser: Browser, count: number): Promise<string[]> {
  const { page, problems, openMs } = await open(browser, `many-${count}`, count);
  const { medianMs, worstMs } = await scrollThrough(page);
  console.log(
    `${count} tasks: open in ${Math.round(openMs)} ms; a frame while scrolling ${medianMs.toFixed(1)} ms, at most ${worstMs.toFixed(0)} ms`,
  );
  const searchMs = await page.evaluate<number>(`(async () => {
    const begun = performance.now();
    const input = document.getElementById('search');
    input.value = 'number 7';
    input.dispatchEvent(new Event('input'));
    await new Promise((resolve) => requestAnimationFrame(resolve));
    return performance.now() - begun;
  })()`);
  console.log(`${count} tasks: a search is shown after ${searchMs.toFixed(0)} ms`);
  await playKeys(page, problems);
  const found = await page.locator('.frame').count();
  if (found === 0 || found >= count) problems.push(`search found ${found} of ${count}`);
  await page.context().close();
  return problems;
}

/** From the first frame: right, down, Enter, right, Esc; then `/`. */
async function playKeys(page: Page, problems: string[]): Promise<void> {
  await page.locator('.picture').first().focus();
  for (const key of ['ArrowRight', 'ArrowDown', 'Enter', 'ArrowRight']) await page.keyboard.press(key);
  const opened = await page.locator('dialog[open] h2').textContent();
  await page.keyboard.press('Escape');
  const focused = await page.evaluate<string>("document.activeElement.dataset.place ?? ''");
  if (opened === null || focused === '' || Number(focused) < 3)
    problems.push(`keys led to '${opened}', ${focused}`);
  await page.keyboard.press('/');
  if ((await page.evaluate('document.activeElement.id')) !== 'search') problems.push('/ does not search');
}

async function open(browser: Browser, name: string, count: number) {
  const path = join(folder, `${name}.html`);
  writeFileSync(path, await pageOf(sampleReport(count, name === 'hostile'), { title: name, lang: 'en' }));
  const context = await browser.newContext({ viewport: { width: 1440, height: 1000 } });
  const page = await context.newPage();
  const problems: string[] = [];
  page.on('request', (request) => {
    if (!request.url().startsWith(`file://${folder}/`)) problems.push(`asked for ${request.url()}`);
  });
  page.on('dialog', (dialog) => {
    problems.push(`a dialog: ${dialog.message()}`);
    void dialog.dismiss();
  });
  page.on('pageerror', (error) => problems.push(`an error in the page: ${error.message}`));
  const begun = performance.now();
  await page.goto(`file://${path}`);
  await page.waitForSelector('.frame');
  const openMs = performance.now() - begun;
  if ((await page.locator('.frame').count()) !== count) problems.push('not every task has a frame');
  return { page, problems, openMs };
}

/** In the page: one screen after another, and how long each frame took. */
async function scrollThrough(page: Page): Promise<{ medianMs: number; worstMs: number }> {
  const times = await page.evaluate<number[]>(`(async () => {
    const deltas = [];
    let before = performance.now();
    for (let y = 0; y < document.body.scrollHeight; y += 250) {
      scrollTo(0, y);
      await new Promise((resolve) => requestAnimationFrame(resolve));
      deltas.push(performance.now() - before);
      before = performance.now();
    }
    return deltas;
  })()`);
  const sorted = times.sort((a, b) => a - b);
  return { medianMs: sorted[Math.floor(sorted.length / 2)] ?? 0, worstMs: sorted.at(-1) ?? 0 };
}

interface AxeResult {
  violations: { id: string; impact: string; help: string; nodes: { html: string }[] }[];
}

/** Of the sheet, the timeline and one task, light and dark. */
async function accessibility(page: Page): Promise<string[]> {
  const serious: string[] = [];
  const check = async (where: string) => {
    // The page's policy allows no script of others: axe runs beside it.
    await page.evaluate(axe.source);
    const { violations } = await page.evaluate<AxeResult>('axe.run()');
    for (const { id, impact, help, nodes } of violations)
      if (['serious', 'critical'].includes(impact))
        serious.push(`axe, ${where}: ${id}: ${help}: ${nodes[0]?.html}`);
  };
  for (const scheme of ['light', 'dark'] as const) {
    await page.emulateMedia({ colorScheme: scheme });
    await check(`${scheme} sheet`);
    await page.getByRole('button', { name: 'Timeline' }).click();
    await check(`${scheme} timeline`);
    await page.getByRole('button', { name: 'Contact sheet' }).click();
    await page.locator('.picture').first().click();
    await check(`${scheme} task`);
    await page.keyboard.press('Escape');
  }
  console.log(`axe-core: ${serious.length} serious findings`);
  await page.emulateMedia({ colorScheme: 'light' });
  return serious;
}

async function shots(page: Page): Promise<void> {
  if (values.shots === undefined) return;
  mkdirSync(values.shots, { recursive: true });
  const shot = (name: string) => page.screenshot({ path: join(values.shots as string, `${name}.png`) });
  await shot('desktop');
  await page.setViewportSize({ width: 390, height: 844 });
  await shot('phone');
  await page.setViewportSize({ width: 794, height: 1123 });
  await page.emulateMedia({ media: 'print' });
  await shot('print');
}

/** Four pictures that all samples share. */
async function makeThumbs(): Promise<void> {
  mkdirSync(join(folder, 'thumbs'));
  for (let i = 0; i < 4; i += 1) {
    const background = { r: 60 * i, g: 200 - 40 * i, b: 120 };
    const image = sharp({ create: { width: 480, height: 480, channels: 3, background } });
    await image.webp().toFile(join(folder, 'thumbs', `${i}.webp`));
  }
}
