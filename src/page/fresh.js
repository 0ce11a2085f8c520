// Keeps an open page fresh, says when it is not, and adds the reader's own time. The page is complete without it.

const EVERY_MS = 60_000;
const clockAhead = { ms: 0 };

/** Shows the warning when the data is older than it may be, by the server's clock as far as we know it. */
function judgeAge() {
  const { generated, staleAfter } = document.body.dataset;
  const ageMs = Date.now() - clockAhead.ms - Number(generated);
  const warning = document.getElementById('stale');
  if (warning) warning.hidden = ageMs <= Number(staleAfter);
}

/** The reader's own time beside the provider's, where their clocks differ. */
function addOwnTime() {
  const label = document.body.dataset.yourTime;
  const own = new Intl.DateTimeFormat(document.documentElement.lang, { hour: '2-digit', minute: '2-digit' });
  for (const hours of document.querySelectorAll('[data-from]')) {
    const text = [hours.dataset.from, hours.dataset.until].map((at) => own.format(Number(at))).join('–');
    const shown = hours.textContent.replaceAll(/[^\d]/g, '');
    // 24.00 and 00.00 are one instant.
    if (shown.replace(/2400$/, '0000') === text.replaceAll(/[^\d]/g, '')) continue;
    const aside = document.createElement('span');
    aside.className = 'aside';
    aside.textContent = ` ${label} ${text}`;
    hours.append(aside);
  }
}

/** A document request: the one way to parse markup that Trusted Types allow, for no script of it ever runs. */
function load() {
  return new Promise((resolve) => {
    const request = new XMLHttpRequest();
    request.open('GET', location.href);
    request.responseType = 'document';
    request.timeout = 15_000;
    request.onloadend = () => resolve(request.status === 200 ? request : undefined);
    request.send();
  });
}

/** Puts the new content in place without moving the reader: focus stays on the same link, the scroll where it is. */
function replace(next) {
  const focused = document.activeElement?.closest('main a[href]')?.getAttribute('href');
  document.querySelector('main').replaceChildren(...document.importNode(next.querySelector('main'), true).childNodes);
  document
    .querySelector('footer')
    .replaceChildren(...document.importNode(next.querySelector('footer'), true).childNodes);
  document.title = next.title;
  Object.assign(document.body.dataset, { generated: next.body.dataset.generated });
  if (focused) document.querySelector(`main a[href="${CSS.escape(focused)}"]`)?.focus({ preventScroll: true });
  addOwnTime();
}

async function refresh() {
  if (document.hidden) return;
  const answer = await load();
  const next = answer?.response;
  if (next?.querySelector('main')) {
    const served = Date.parse(answer.getResponseHeader('date') ?? '');
    if (!Number.isNaN(served)) clockAhead.ms = Date.now() - served;
    if (next.body.dataset.generated !== document.body.dataset.generated) replace(next);
  }
  judgeAge();
}

addOwnTime();
judgeAge();
// A clock that is wrong would cry wolf: ask the server at once when the page looks old.
if (document.getElementById('stale')?.hidden === false) void refresh();
setInterval(() => void refresh(), EVERY_MS);
document.addEventListener('visibilitychange', () => void refresh());
