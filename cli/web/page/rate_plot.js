// Plots the rates of the last minutes.
import {colour, crispContext} from './elements.js';
import {rateText} from './text_format.js';

const LEAST = 16 * 1024;

/// `rates`: {time, down, up}, the oldest first. A plot with a scale has its largest value written into it.
export function drawRates(canvas, rates, {span = 300_000, hasScale = true} = {}) {
  const width = canvas.clientWidth, height = canvas.clientHeight;
  if (width === 0 || rates.length === 0) return;
  const context = crispContext(canvas, width, height);
  const now = rates[rates.length - 1].time;
  const shown = rates.filter(({time}) => now - time <= span);
  const top = roundedUp(Math.max(LEAST, ...shown.map(({down, up}) => Math.max(down, up))));
  const x = (time) => width - ((now - time) / span) * width;
  const y = (rate) => height - 1 - (rate / top) * (height - 3);
  if (hasScale) drawScale(context, width, y, top);
  for (const [name, isFilled] of [['up', false], ['down', true]]) {
    context.beginPath();
    shown.forEach((sample, index) => {
      if (index === 0) context.moveTo(x(sample.time), y(sample[name]));
      else context.lineTo(x(sample.time), y(sample[name]));
    });
    context.strokeStyle = colour(name);
    context.lineWidth = 1.5;
    context.lineJoin = 'round';
    context.stroke();
    if (!isFilled) continue;
    context.lineTo(x(now), height);
    context.lineTo(x(shown[0].time), height);
    context.globalAlpha = 0.14;
    context.fillStyle = colour(name);
    context.fill();
    context.globalAlpha = 1;
  }
}

function drawScale(context, width, y, top) {
  context.strokeStyle = colour('line');
  context.fillStyle = colour('quiet');
  context.font = `11px ${getComputedStyle(document.body).fontFamily}`;
  context.textBaseline = 'top';
  for (const part of [0.5, 1]) {
    context.beginPath();
    context.moveTo(0, Math.round(y(top * part)) + 0.5);
    context.lineTo(width, Math.round(y(top * part)) + 0.5);
    context.stroke();
    context.fillText(rateText(top * part), 4, y(top * part) + 3);
  }
}

/// The next 1, 2 or 4 times a power of two, so that the scale stays as rates change.
function roundedUp(rate) {
  return 2 ** Math.ceil(Math.log2(rate));
}
