import react from '@vitejs/plugin-react';
import { defineConfig } from 'vitest/config';
import { firstLoad, firstWords } from './first.vite.ts';

// The server that the pages of `npm run dev` talk to: the mock, or a real one by TINGXIN_API.
const server = process.env.TINGXIN_API ?? 'http://127.0.0.1:8099';

export default defineConfig({
  plugins: [react(), firstWords(), firstLoad(240_000)],
  server: {
    host: '127.0.0.1',
    proxy: { '/api': { target: server, ws: true } },
  },
  build: {
    target: 'es2022',
    // dist/.gitkeep is committed: emptied with the rest, it comes back from public/.
    emptyOutDir: true,
    copyPublicDir: true,
    // Everything is a file of our own origin: no data: URLs for scripts and pictures under the content security policy.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    reportCompressedSize: true,
    chunkSizeWarningLimit: 900,
    // Of the parts that Ant Design is made of only what is used: their packages do not say that importing them does nothing.
    rolldownOptions: { treeshake: { moduleSideEffects: [{ test: /[\\/]@rc-component[\\/]/, sideEffects: false }] } },
  },
  test: {
    environment: 'happy-dom',
    include: ['src/**/*.test.{ts,tsx}', 'widget/**/*.test.ts'],
    restoreMocks: true,
  },
});
