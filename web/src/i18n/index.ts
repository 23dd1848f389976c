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

// Each language is a file of its own, fetched when it is spoken.
const load: Record<Language, () => Promise<{ default: object }>> = {
  'zh-CN': () => import('./locales/zh-CN.json'),
  en: () => import('./locales/en.json'),
};

async function fetchLanguage(language: Language): Promise<void> {
  if (!i18n.hasResourceBundle(language, 'translation')) {
    i18n.addResourceBundle(language, 'translation', (await load[language]()).default);
  }
}

/** startLanguage makes the translator ready in the user's language. */
export async function startLanguage(): Promise<void> {
  const language = pick(localStorage.getItem(remembered), navigator.languages);
  await i18n.use(initReactI18next).init({ lng: language, resources: {}, fallbackLng: false, interpolation: { escapeValue: false } });
  await speak(language);
}

async function speak(language: Language): Promise<void> {
  await fetchLanguage(language);
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
