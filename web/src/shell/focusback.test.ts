import { afterEach, beforeEach, expect, it } from 'vitest';
import { giveBackFocus } from './focusback';

let end: () => void;
function by(id: string): HTMLElement {
  const el = document.getElementById(id);
  if (!el) throw new Error(`no ${id}`);
  return el;
}
const settled = () => new Promise((done) => setTimeout(done));

/** open puts a dialog beside the page, as portals do, and the focus into it; the answer takes it away as React does, from the inside. */
function open(): () => void {
  const root = document.createElement('div');
  root.innerHTML = '<div class="ant-modal-root"><div role="dialog"><input id="name"></div></div>';
  document.body.append(root);
  by('name').focus();
  return () => {
    root.firstChild?.remove();
    root.remove();
  };
}

beforeEach(() => {
  document.body.innerHTML = '<main id="content" tabindex="-1"><button id="new">+</button></main>';
  end = giveBackFocus(document);
});
afterEach(() => end());

it('gives the focus back to the button that opened a dialog', async () => {
  by('new').focus();
  open()();
  await settled();
  expect(document.activeElement).toBe(by('new'));
});

it('gives it to the page when that button is gone, and leaves it where somebody has put it', async () => {
  by('new').focus();
  const dialog = open();
  by('new').remove();
  dialog();
  await settled();
  expect(document.activeElement).toBe(by('content'));

  const field = document.createElement('input');
  by('content').append(field);
  const other = open();
  field.focus();
  other();
  await settled();
  expect(document.activeElement).toBe(field);
});

it('waits for the last of several dialogs', async () => {
  by('new').focus();
  const [below, above] = [open(), open()];
  above();
  await settled();
  expect(document.activeElement).not.toBe(by('new'));
  below();
  await settled();
  expect(document.activeElement).toBe(by('new'));
});
