// Numbers as people read them, in the units of the program's other commands.

const UNITS = ['B', 'KiB', 'MiB', 'GiB', 'TiB', 'PiB'];

export function sizeText(bytes) {
  if (bytes === null || bytes === undefined) return '–';
  let unit = 0;
  while (bytes >= 1024 && unit + 1 < UNITS.length) {
    bytes /= 1024;
    ++unit;
  }
  return unit === 0 ? `${Math.round(bytes)} B` : `${bytes.toFixed(bytes >= 100 ? 0 : 1)} ${UNITS[unit]}`;
}

export function rateText(bytesPerSecond) {
  return bytesPerSecond ? `${sizeText(bytesPerSecond)}/s` : '–';
}

/// 1 is 100 %; only what is complete is so.
export function percentText(part) {
  if (part === null) return '–';
  if (part >= 1) return '100 %';
  return part > 0 && part < 0.1 ? `${(Math.floor(part * 1000) / 10).toFixed(1)} %` : `${Math.floor(part * 100)} %`;
}

export function partOf(had, size) {
  if (size === null || had === null) return null;
  return size === 0 ? 1 : had / size;
}

export function durationText(seconds) {
  if (seconds < 10) return `${seconds.toFixed(1)} s`;
  if (seconds < 120) return `${Math.round(seconds)} s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 120) return `${minutes} min`;
  const hours = Math.floor(minutes / 60);
  return hours < 48 ? `${hours} h` : `${Math.floor(hours / 24)} days`;
}

const numbers = new Intl.NumberFormat('en');
export function countText(number) {
  return numbers.format(number);
}

export function countedText(number, one, many = `${one}s`) {
  return `${countText(number)} ${number === 1 ? one : many}`;
}
