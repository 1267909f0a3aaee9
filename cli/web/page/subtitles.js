// Subtitles that lie beside a film: which they are, and SubRip as WebVTT.

const MAX_BYTES = 8 << 20;
/// Times of SubRip: "00:01:02,345 --> 00:01:04,000"; some programs write one digit of the hour.
const TIMES = /^\s*(\d{1,3}):(\d\d):(\d\d)[,.](\d{1,3})\s*-->\s*(\d{1,3}):(\d\d):(\d\d)[,.](\d{1,3}).*$/;
/// Marks of Advanced SubStation, such as {\an8}.
const MARKS = /\{\\[^}]*\}/g;

function withoutEnding(name) {
  const dot = name.lastIndexOf('.');
  return dot < 0 ? name : name.slice(0, dot);
}

/// Returns the nodes of the folder whose names are the film's but for the ending, or for a word more: film.srt and
/// film.en.vtt of film.mkv, each with its label.
export function subtitlesBeside(film) {
  const base = withoutEnding(film.name);
  const found = [];
  for (const node of film.parent?.children ?? []) {
    if (node.children || node.size > MAX_BYTES || !/\.(srt|vtt)$/i.test(node.name)) continue;
    const name = withoutEnding(node.name);
    if (name !== base && !name.startsWith(`${base}.`)) continue;
    found.push({node, label: name.slice(base.length + 1) || 'Subtitles'});
  }
  return found;
}

/// Decodes the bytes of subtitles: UTF-8, UTF-16 with its mark, else what most old files are in.
export function textOf(bytes) {
  const [first, second] = new Uint8Array(bytes, 0, Math.min(2, bytes.byteLength));
  if (first === 0xff && second === 0xfe) return new TextDecoder('utf-16le').decode(bytes);
  if (first === 0xfe && second === 0xff) return new TextDecoder('utf-16be').decode(bytes);
  try {
    return new TextDecoder('utf-8', {fatal: true}).decode(bytes);
  } catch {
    return new TextDecoder('windows-1252').decode(bytes);
  }
}

/// Returns WebVTT of SubRip; WebVTT stays as it is.
export function toWebVtt(text) {
  if (/^WEBVTT(\s|$)/.test(text)) return text;
  const lines = text.split(/\r\n|\r|\n/).map((line) => {
    const times = TIMES.exec(line);
    if (!times) return line.replace(MARKS, '');
    const at = (first) => `${times[first].padStart(2, '0')}:${times[first + 1]}:${times[first + 2]}.${times[first + 3].padEnd(3, '0')}`;
    return `${at(1)} --> ${at(5)}`;
  });
  return `WEBVTT\n\n${lines.join('\n')}\n`;
}
