import i18n from 'i18next';
import { initReactI18next } from 'react-i18next';

export const languages = ['zh-CN', 'en'] as const;
export type Language = (typeof languages)[number];

const remembered = 'tingxin.language';

/** pick chooses what was remembered, else the first of the browser's languages that we speak, else English. */
export function pick(stored: string | null, wanted: readonly string[]): Language {
  const known = languages.find((l) => l === stored);
  if (known) return known;
  for (const tag of wanted) {
    if (/^zh\b/i.test(tag)) return 'zh-CN';
    if (/^en\b/i.test(tag)) return 'en';
  }
  return 'en';
}

// Each language is a file of its own, fetched when it is spoken; what the desk shows at first comes before it.
const whole: Record<Language, () => Promise<{ default: object }>> = {
  'zh-CN': () => import('./locales/zh-CN.json'),
  en: () => import('./locales/en.json'),
};
const first: Record<Language, () => Promise<{ default: object }>> = {
  'zh-CN': () => import('./locales/zh-CN.json?first'),
  en: () => import('./locales/en.json?first'),
};

const fetched = new Map<Language, Promise<void>>();

/** allWords has all words of a language: pages other than the desk wait for them. */
export function allWords(language = i18n.language as Language): Promise<void> {
  const known = fetched.get(language);
  if (known) return known;
  const coming = whole[language]().then(
    ({ default: words }) => void i18n.addResourceBundle(language, 'translation', words, true, true),
    (error: unknown) => {
      fetched.delete(language);
      throw error;
    },
  );
  fetched.set(language, coming);
  return coming;
}

/** firstWords are enough for a path. */
export const firstWords = (path: string): boolean => path === '/desk' || path === '/login';

/** startLanguage makes the translator ready in the user's language. */
export async function startLanguage(): Promise<void> {
  const language = pick(localStorage.getItem(remembered), navigator.languages);
  await i18n.use(initReactI18next).init({ lng: language, resources: {}, fallbackLng: false, interpolation: { escapeValue: false }, react: { bindI18nStore: 'added' } });
  if (firstWords(window.location.pathname)) i18n.addResourceBundle(language, 'translation', (await first[language]()).default);
  else await allWords(language);
  await i18n.changeLanguage(language);
  document.documentElement.lang = language;
}

async function speak(language: Language): Promise<void> {
  await allWords(language);
  await i18n.changeLanguage(language);
  document.documentElement.lang = language;
}

/** suggestLanguage speaks a user's own language, unless another was chosen in this browser. */
export async function suggestLanguage(tag: string): Promise<void> {
  const known = languages.find((l) => l === tag);
  if (known && !localStorage.getItem(remembered)) await speak(known);
}

/** setLanguage switches, and remembers the choice in this browser. */
export async function setLanguage(language: Language): Promise<void> {
  localStorage.setItem(remembered, language);
  await speak(language);
}
