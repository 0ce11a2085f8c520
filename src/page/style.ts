/** The style sheet of every page: calm paper, one column on a phone, two on a desk, both schemes. It knows no word. */

/** Names the language of the text, so that it is formatted as what it is. */
const sheet = String.raw;

/**
 * Each tone is three colours: ink (text and glyph, at least 4.5:1 on its own tint and on the card), tint and line. No colour
 * stands alone: each state has its shape and its word.
 */
export const css = sheet`
:root {
  color-scheme: light dark;
  --paper: #f5f6f3; --card: #fff; --ink: #1b2126; --soft: #545e66; --line: #dfe3df; --link: #0b5a8f;
  --strong: #0d5c4b; --strong-ink: #fff; --mark: #fff;
  --good: #11654a; --good-tint: #e6f3ec; --good-line: #b9dcc9;
  --mixed: #80500a; --mixed-tint: #fcf2dd; --mixed-line: #ecd3a0;
  --bad: #a32a22; --bad-tint: #fcebe8; --bad-line: #f0c3bc;
  --quiet: #3c4f86; --quiet-tint: #ebeef8; --quiet-line: #c6cfe9;
  --unknown: #4f5760; --unknown-tint: #eceeef; --unknown-line: #cfd4d8;
}
@media (prefers-color-scheme: dark) {
  :root {
    --paper: #12161a; --card: #1a2026; --ink: #e8ecee; --soft: #a5b0b8; --line: #2d363e; --link: #82c4f2;
    --strong: #7ad9b6; --strong-ink: #08261d; --mark: #12161a;
    --good: #7ad9b6; --good-tint: #14291f; --good-line: #24503f;
    --mixed: #f0bf66; --mixed-tint: #2c2413; --mixed-line: #57461f;
    --bad: #f79c92; --bad-tint: #331a18; --bad-line: #65312c;
    --quiet: #aebdf0; --quiet-tint: #1d2338; --quiet-line: #39456d;
    --unknown: #b4bdc5; --unknown-tint: #20262c; --unknown-line: #3d464e;
  }
}
.tone-good { --tone: var(--good); --tint: var(--good-tint); --edge: var(--good-line); }
.tone-mixed { --tone: var(--mixed); --tint: var(--mixed-tint); --edge: var(--mixed-line); }
.tone-bad { --tone: var(--bad); --tint: var(--bad-tint); --edge: var(--bad-line); }
.tone-quiet { --tone: var(--quiet); --tint: var(--quiet-tint); --edge: var(--quiet-line); }
.tone-unknown { --tone: var(--unknown); --tint: var(--unknown-tint); --edge: var(--unknown-line); }

*, ::before, ::after { box-sizing: border-box; }
html { -webkit-text-size-adjust: 100%; text-size-adjust: 100%; scroll-padding-top: 1rem; }
body {
  margin: 0; background: var(--paper); color: var(--ink);
  font: 1rem/1.5 system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", "PingFang SC", "Noto Sans CJK SC", "Microsoft YaHei", sans-serif;
  overflow-wrap: anywhere;
}
:lang(zh-Hans) { line-height: 1.65; }
h1, h2, h3, h4, p, ul, ol, dl, dd { margin: 0; padding: 0; }
h1, h2, h3, h4 { line-height: 1.3; text-wrap: balance; }
a { color: var(--link); text-underline-offset: .16em; text-decoration-thickness: .07em; }
a:hover { text-decoration-thickness: .14em; }
:focus-visible { outline: 3px solid var(--link); outline-offset: 2px; border-radius: 4px; }
main:focus { outline: none; }
[hidden] { display: none !important; }
bdi { overflow-wrap: anywhere; }
.skip { position: absolute; left: 1rem; top: -4rem; padding: .6rem 1rem; background: var(--card); border-radius: 0 0 8px 8px; z-index: 1; }
.skip:focus { top: 0; }

.bar, main, .foot, .banner { width: min(100% - 2rem, 62rem); margin-inline: auto; }
.bar { display: flex; justify-content: space-between; align-items: center; gap: 1rem; padding-block: .5rem; }
.brand { display: inline-flex; align-items: center; gap: .45rem; min-height: 44px; font-weight: 650; color: var(--ink); text-decoration: none; letter-spacing: .01em; }
.bell { width: 1.2rem; height: 1.2rem; fill: var(--strong); }
.languages ul { display: flex; list-style: none; gap: .15rem; }
.brand, .languages a { white-space: nowrap; overflow-wrap: normal; }
.languages a { display: inline-flex; align-items: center; min-height: 44px; padding: 0 clamp(.35rem, 1.6vw, .6rem); border-radius: 8px; font-size: .86rem; text-decoration: none; color: var(--soft); }
.languages a:hover { text-decoration: underline; }
.languages [aria-current] { color: var(--ink); font-weight: 650; box-shadow: inset 0 -3px 0 -1px var(--strong); border-radius: 0; }
.banner { margin-block: 0 .75rem; padding: .7rem 1rem; border: 2px solid var(--mixed); border-radius: 12px; background: var(--mixed-tint); color: var(--mixed); font-weight: 600; }

main { display: grid; gap: 1.5rem; padding-block: .25rem 2rem; }
main > * { min-width: 0; }
h1 { font-size: 1.35rem; font-weight: 650; }
h2 { font-size: 1.15rem; font-weight: 650; margin-bottom: .6rem; }
.of, .aside, .proof { color: var(--soft); font-weight: 400; }
.of { font-size: 1rem; }
.aside, .proof { font-size: .9rem; }
section > p { color: var(--soft); margin-bottom: .6rem; }

.hero { padding: 1.1rem 1.1rem 1rem; border: 1px solid var(--edge); border-radius: 18px; background: var(--tint); display: grid; gap: .85rem; }
.hero h1 { font-size: 1rem; font-weight: 600; color: var(--tone); }
.hero > p { color: var(--ink); margin: 0; }
.answer { display: grid; grid-template-columns: auto 1fr; gap: .75rem; align-items: start; }
.answer p { font-size: clamp(1.4rem, 1.1rem + 1.5vw, 2rem); line-height: 1.25; font-weight: 680; letter-spacing: -.012em; text-wrap: pretty; }
.answer:lang(zh-Hans) p, :lang(zh-Hans) .answer p { letter-spacing: 0; line-height: 1.4; }
.answer .glyph { width: 2.1rem; height: 2.1rem; margin-top: .1rem; }
.rest { list-style: none; display: grid; gap: .3rem; }
.hero .aside { color: var(--ink); opacity: 1; font-size: .85rem; }
.ways { display: flex; flex-wrap: wrap; gap: .6rem; }

.glyph { width: 1.35rem; height: 1.35rem; flex: none; fill: var(--tone, currentColor); }
.glyph .mark { fill: none; stroke: var(--mark); stroke-width: 2.6; stroke-linecap: round; stroke-linejoin: round; }
.glyph .ring, .glyph .sign { fill: none; stroke: var(--tone); stroke-width: 2.2; stroke-linecap: round; }

.press { display: inline-flex; flex-wrap: wrap; align-items: center; justify-content: center; column-gap: .4em; min-height: 48px; padding: .45rem 1rem; border: 1.5px solid var(--line); border-radius: 12px; background: var(--card); color: var(--link); font-weight: 600; text-decoration: none; text-align: center; }
.press:hover { border-color: currentColor; }
.press.strong { background: var(--strong); border-color: var(--strong); color: var(--strong-ink); }
.press.strong:hover { text-decoration: underline; }
.plain { font-weight: 600; }

.safety { padding: .8rem 1rem; border-left: 5px solid var(--mixed); border-radius: 4px 12px 12px 4px; background: var(--card); }
.cards { display: grid; gap: .9rem; }
.card { padding: 1rem 1.1rem 1.1rem; border: 1px solid var(--line); border-top: 4px solid var(--tone); border-radius: 14px; background: var(--card); display: grid; gap: .75rem; align-content: start; }
.card h3 { font-size: 1.12rem; }
.card h2 { margin: 0; }
.card h2 a, .card h3 a { color: var(--ink); text-decoration-color: var(--line); }
.card h3 a:hover, .card h2 a:hover { text-decoration-color: currentColor; }
.state { display: flex; gap: .55rem; align-items: flex-start; }
.state strong { color: var(--tone); }
.state .glyph { margin-top: .08rem; }
.contact { display: flex; flex-wrap: wrap; gap: .3rem .8rem; align-items: center; }
dl { display: grid; gap: .3rem; }
dl > div { display: grid; grid-template-columns: minmax(6.5rem, 36%) 1fr; gap: .1rem .8rem; }
dt { color: var(--soft); font-size: .9rem; padding-top: .08rem; }
dd .aside { display: inline-block; }
.cause { padding: .6rem .8rem; border-radius: 10px; background: var(--tint); color: var(--ink); }
.todo h4, .todo h2 { font-size: .9rem; font-weight: 650; margin-bottom: .2rem; color: var(--soft); }
.todo ul, .ready { padding-left: 1.15rem; display: grid; gap: .25rem; }
.todo li::marker, .ready li::marker { color: var(--soft); }

.columns { display: grid; gap: 1.5rem; }
.columns > section, main > section:not(.hero):not([aria-labelledby="channels"]) { padding-top: 1.1rem; border-top: 1px solid var(--line); }
.list, .fallbacks, .timeline { list-style: none; display: grid; gap: .8rem; }
.marked > li { display: flex; gap: .6rem; align-items: flex-start; }
.marked .glyph { margin-top: .1rem; }
.fallbacks li { display: flex; flex-wrap: wrap; gap: .25rem .8rem; align-items: center; }
.fallbacks li > bdi:first-child { flex: 1 1 12rem; font-weight: 600; }
.fallbacks .proof { flex-basis: 100%; }
.tag { display: inline-block; padding: 0 .5em; margin-right: .2em; border: 1px solid var(--quiet-line); border-radius: 6px; background: var(--quiet-tint); color: var(--quiet); font-size: .82rem; font-weight: 600; }
.timeline li { padding-left: 1rem; border-left: 3px solid var(--line); }
.timeline time { color: var(--soft); margin-right: .5rem; }
.back { margin-bottom: -.75rem; }
.back a { display: inline-flex; align-items: center; min-height: 44px; }
.foot { padding-block: 1.2rem 2.5rem; border-top: 1px solid var(--line); color: var(--soft); font-size: .88rem; display: grid; gap: .35rem; }
.foot a { display: inline-block; padding-block: .5rem; }

.operator table { border-collapse: collapse; width: 100%; display: block; overflow-x: auto; }
.operator th, .operator td { text-align: left; vertical-align: top; padding: .5rem .9rem .5rem 0; border-bottom: 1px solid var(--line); }
.operator form { display: inline-flex; flex-wrap: wrap; gap: .5rem; align-items: center; margin: 0; }
.operator button, .operator select, .operator input { font: inherit; min-height: 40px; padding: .3rem .8rem; border: 1.5px solid var(--line); border-radius: 10px; background: var(--card); color: var(--ink); }
.operator button { cursor: pointer; color: var(--link); font-weight: 600; }
.operator button:hover { border-color: currentColor; }
.operator button[aria-pressed="true"] { background: var(--bad-tint); border-color: var(--bad); color: var(--bad); }
.operator .good button[aria-pressed="true"] { background: var(--good-tint); border-color: var(--good); color: var(--good); }
.operator .mail { background: var(--card); border: 1px solid var(--line); border-radius: 12px; padding: .8rem 1rem; margin: .8rem 0; }
.operator .mail h3 { margin: 0 0 .2rem; }
.operator .mail p { margin: 0 0 .5rem; color: var(--soft); }
.operator .mail pre { margin: 0; white-space: pre-wrap; overflow-wrap: anywhere; font-size: .88rem; }
.operator main ul { padding-left: 1.2rem; }

@media (min-width: 44rem) {
  main { gap: 2rem; }
  .hero { padding: 1.8rem 2rem 1.5rem; }
  .answer .glyph { width: 2.6rem; height: 2.6rem; }
  .cards { grid-template-columns: 1fr 1fr; }
  .columns { grid-template-columns: 1fr 1fr; gap: 2rem 2.5rem; }
}
@media (prefers-reduced-motion: no-preference) {
  .press { transition: border-color .15s; }
}
@media (prefers-contrast: more) {
  :root { --line: currentColor; --soft: var(--ink); }
}
@media (forced-colors: active) {
  .glyph { fill: CanvasText; }
  .glyph .mark { stroke: Canvas; }
}
@media print {
  body { background: #fff; color: #000; }
  .languages, .skip, .foot a { display: none; }
  .card, .hero { break-inside: avoid; background: none; }
  a[href^="http"]::after { content: " (" attr(href) ")"; font-size: .8em; }
}
`;
