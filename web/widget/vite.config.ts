import { createHash } from 'node:crypto';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { defineConfig, type Plugin } from 'vite';

/** The widget has to arrive on poor lines: more than this many bytes by gzip fails the build. */
const most = 40_000;

/** loader writes /widget.js, which loads the file whose name carries the hash of its content. */
function loader(): Plugin {
  return {
    name: 'widget-loader',
    generateBundle(_, bundle) {
      const chunks = Object.values(bundle).filter((one) => one.type === 'chunk');
      const [main] = chunks;
      if (chunks.length !== 1 || !main) this.error(`the widget is one script, not ${chunks.length}`);
      const size = gzipSync(main.code, { level: 9 }).length;
      if (size > most) this.error(`the widget has ${size} bytes by gzip, at most ${most}`);
      this.info(`${size} bytes by gzip, of ${most}`);
      const file = `widget-${createHash('sha256').update(main.code).digest('base64url').slice(0, 10)}.js`;
      const dist = join(import.meta.dirname, '..', 'dist');
      mkdirSync(join(dist, 'assets'), { recursive: true });
      writeFileSync(join(dist, 'assets', file), main.code);
      const code = readFileSync(join(import.meta.dirname, 'loader.js'), 'utf8').replace('__FILE__', file);
      writeFileSync(join(dist, 'widget.js'), code);
      for (const name of Object.keys(bundle)) Reflect.deleteProperty(bundle, name);
    },
  };
}

export default defineConfig({
  root: import.meta.dirname,
  publicDir: false,
  plugins: [loader()],
  build: {
    target: 'es2022',
    outDir: '../dist',
    // The pages were built into the same folder just before.
    emptyOutDir: false,
    modulePreload: false,
    rollupOptions: { input: join(import.meta.dirname, 'src', 'main.ts'), output: { format: 'iife' } },
  },
});
