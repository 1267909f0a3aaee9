// Media types of files by the endings of their names, and whether a browser plays them.

const VIDEO = {
  mp4: 'video/mp4', m4v: 'video/mp4', webm: 'video/webm', ogv: 'video/ogg', mov: 'video/quicktime', mkv: 'video/x-matroska',
  avi: 'video/x-msvideo', mpg: 'video/mpeg', mpeg: 'video/mpeg', ts: 'video/mp2t', wmv: 'video/x-ms-wmv', '3gp': 'video/3gpp',
};
const AUDIO = {
  mp3: 'audio/mpeg', flac: 'audio/flac', ogg: 'audio/ogg', oga: 'audio/ogg', opus: 'audio/ogg; codecs=opus', m4a: 'audio/mp4',
  m4b: 'audio/mp4', aac: 'audio/aac', wav: 'audio/wav', mka: 'audio/x-matroska', wma: 'audio/x-ms-wma',
};
const SHOWN = new Set(['jpg', 'jpeg', 'png', 'gif', 'webp', 'avif', 'bmp', 'txt', 'nfo', 'md', 'log', 'cue', 'sfv', 'srt', 'vtt',
  'json', 'pdf', 'xml', 'html', 'htm', 'css', 'js', 'svg']);

const probe = document.createElement('video');

function endingOf(name) {
  const dot = name.lastIndexOf('.');
  return dot < 0 ? '' : name.slice(dot + 1).toLowerCase();
}

/// 'play': as video or audio; 'open': in a tab of its own; 'save': it can only be downloaded.
export function useOf(name) {
  const ending = endingOf(name);
  const type = VIDEO[ending] ?? AUDIO[ending];
  if (type) return probe.canPlayType(type) ? 'play' : 'save';
  return SHOWN.has(ending) ? 'open' : 'save';
}

/// Whether players play it, whatever this browser can.
export function isMedia(name) {
  const ending = endingOf(name);
  return ending in VIDEO || ending in AUDIO;
}

export function isAudio(name) {
  return endingOf(name) in AUDIO;
}
