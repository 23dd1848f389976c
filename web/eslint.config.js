import js from '@eslint/js';
import globals from 'globals';
import hooks from 'eslint-plugin-react-hooks';
import ts from 'typescript-eslint';

export default ts.config(
  { ignores: ['dist', 'coverage', 'src/api/openapi.d.ts'] },
  js.configs.recommended,
  {
    files: ['src/**/*.{ts,tsx}', '*.vite.ts', 'vite.config.ts', 'widget/**/*.ts'],
    extends: [...ts.configs.strictTypeChecked, ...ts.configs.stylisticTypeChecked],
    languageOptions: {
      globals: globals.browser,
      parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname },
    },
    plugins: { 'react-hooks': hooks },
    rules: {
      'react-hooks/rules-of-hooks': 'error',
      'react-hooks/exhaustive-deps': 'error',
      '@typescript-eslint/restrict-template-expressions': ['error', { allowNumber: true }],
      '@typescript-eslint/no-confusing-void-expression': ['error', { ignoreArrowShorthand: true }],
      // TanStack Router throws redirects.
      '@typescript-eslint/only-throw-error': 'off',
      'no-console': 'error',
      // Ant Design's App brings dialogs and notices into every first load.
      'no-restricted-imports': ['error', { paths: [{ name: 'antd', importNames: ['App'], message: 'use useMessage of parts/messages' }] }],
    },
  },
  { files: ['widget/loader.js', 'widget/shop/*.js'], languageOptions: { globals: globals.browser } },
  {
    files: ['mock/**/*.mjs', 'e2e/**/*.mjs', 'eslint.config.js'],
    languageOptions: { globals: { ...globals.node, ...globals.browser } },
  },
);
