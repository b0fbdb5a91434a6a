// What is shown.
const view = {
  status: '',
  mode: '',
  proof: '',
  text: '',
  sort: 'order',
  size: Number(remembered('size') ?? 220) || 220,
  tab: 'sheet',
};
let chosen = [];
let opened = null;

const endOf = (task) => String(task.attempts.at(-1)?.ended_at ?? '');
const SORTS = {
  order: (a, b) => a.index - b.index,
  newest: (a, b) => endOf(b).localeCompare(endOf(a)),
  longest: (a, b) => (b.seconds ?? -1) - (a.seconds ?? -1),
  largest: (a, b) => (b.image?.bytes ?? -1) - (a.image?.bytes ?? -1),
};
const searched = new Map(
  tasks.map((task) => [task, `${task.index}\n${task.name}\n${task.key}\n${task.prompt}`.toLowerCase()]),
);

function choose() {
  const text = view.text.toLowerCase();
  const fits = (task) =>
    (view.status === '' || task.status === view.status) &&
    (view.mode === '' || task.mode === view.mode) &&
    (view.proof === '' || (task.verdict === 'proven') === (view.proof === 'proven')) &&
    (text === '' || searched.get(task).includes(text));
  chosen = tasks.filter(fits).sort(SORTS[view.sort]);
}
