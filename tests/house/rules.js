// Lint rules of our own, for what no published rule asks; they know the shape of a file and nothing of its types.

const words = (text) => text.split(/\s+/u).filter((word) => word !== '').length;

/** A block comment without its stars, a run of line comments as one text. */
function opening(comments) {
  const [first, ...rest] = comments;
  if (first.type === 'Block') return first.value.replaceAll(/^\s*\*+ ?/gmu, ' ').trim();
  const lines = [first];
  for (const next of rest) {
    if (next.type !== 'Line' || next.loc.start.line !== lines.at(-1).loc.end.line + 1) break;
    lines.push(next);
  }
  return lines
    .map((line) => line.value)
    .join(' ')
    .trim();
}

const firstLine = {
  meta: {
    type: 'suggestion',
    schema: [],
    messages: {
      missing: 'Begin with one comment sentence: what this file knows and what it does not.',
      sentence: 'The first comment is a sentence: a capital at its start, a full stop at its end.',
    },
  },
  create: (context) => ({
    Program(node) {
      const all = context.sourceCode.getAllComments();
      const comments = all.filter((comment) => comment.type !== 'Shebang');
      const allowed = all.length > comments.length ? 2 : 1;
      const at = { line: 1, column: 0 };
      if (comments.length === 0 || comments[0].loc.start.line > allowed)
        return context.report({ node, loc: at, messageId: 'missing' });
      const text = opening(comments);
      if (!/^[\p{Lu}\p{N}`'"<].*[.!?](\s|$)/su.test(text) || words(text) < 4)
        context.report({ node, loc: at, messageId: 'sentence' });
    },
  }),
};

export default { meta: { name: 'house' }, rules: { 'first-line': firstLine } };
