import { Button, Form, Input, Upload, type FormInstance } from 'antd';
import { useRef, useState } from 'react';
import { useTranslation } from 'react-i18next';
import { base, request } from '../api/client';
import { Problem, problemKey } from '../api/problem';
import { useFormat } from '../i18n/format';
import { Icon } from '../parts/Icon';
import { useMessage } from '../parts/messages';
import type { Prompt } from './kinds';
import { SettingList, type Sheet } from './SettingList';

type Sound = NonNullable<Prompt['sounds']>[string];

interface Line {
  language: string;
  text?: string;
  sound?: Sound;
}

interface PromptForm {
  texts: Line[];
}

/** Upload of a WAV file for one language. */
function SoundField({ value, onChange }: { value?: Sound; onChange?: (sound?: Sound) => void }) {
  const { t } = useTranslation();
  const { number } = useFormat();
  const message = useMessage();
  const [busy, setBusy] = useState(false);
  const send = async (file: File) => {
    setBusy(true);
    try {
      onChange?.(await request<Sound>('/sounds', { method: 'POST', body: new Blob([file], { type: 'audio/wav' }) }));
    } catch (error) {
      void message.error(error instanceof Problem && error.status === 422 ? `${t('admin.badSound')} ${error.detail}` : t(problemKey(error)), 6);
    }
    setBusy(false);
  };
  if (value) {
    return (
      <span className="admin-sound">
        {t('admin.soundOf', { seconds: number(value.seconds, 1) })}
        <Button size="small" onClick={() => onChange?.(undefined)}>
          {t('admin.remove')}
        </Button>
      </span>
    );
  }
  return (
    <Upload
      accept=".wav,audio/wav"
      showUploadList={false}
      beforeUpload={(file) => {
        void send(file);
        return false;
      }}
    >
      <Button size="small" loading={busy}>
        {t('admin.upload')}
      </Button>
    </Upload>
  );
}

function PromptFields({ form }: { form: FormInstance<PromptForm> }) {
  const { t } = useTranslation();
  const lines = Form.useWatch('texts', form) as Line[] | undefined;
  return (
    <Form.List name="texts">
      {(rows, { add, remove }, { errors }) => (
        <div className="admin-lines">
          {rows.map(({ key, name }) => (
            <fieldset key={key} className="admin-group">
              <Form.Item name={[name, 'language']} label={t('admin.field.language')} rules={[{ required: true, pattern: /^[a-z]{2,3}(-[A-Za-z0-9]{2,8})*$/, message: t('admin.hint.languageTag') }]}>
                <Input placeholder="zh" style={{ maxWidth: 120 }} spellCheck={false} />
              </Form.Item>
              <Form.Item name={[name, 'text']} label={t('admin.field.words')} extra={lines?.[name]?.sound ? t('admin.hint.soundFirst') : undefined}>
                <Input.TextArea autoSize={{ minRows: 2, maxRows: 8 }} maxLength={1300} />
              </Form.Item>
              <span className="admin-line-foot">
                <Form.Item name={[name, 'sound']} noStyle>
                  <SoundField />
                </Form.Item>
                {rows.length > 1 && (
                  <Button size="small" danger onClick={() => remove(name)}>
                    {t('admin.removeLanguage')}
                  </Button>
                )}
              </span>
            </fieldset>
          ))}
          <Form.ErrorList errors={errors} />
          <Button onClick={() => add({ language: '' })}>{t('admin.addLanguage')}</Button>
        </div>
      )}
    </Form.List>
  );
}

/** Listen plays what callers hear. */
function Listen({ name, doc }: { name: string; doc: Prompt }) {
  const { t } = useTranslation();
  const message = useMessage();
  const sound = useRef<HTMLAudioElement | null>(null);
  const [playing, setPlaying] = useState('');
  const languages = [...new Set([...Object.keys(doc.texts ?? {}), ...Object.keys(doc.sounds ?? {})])].sort();
  const play = (language: string) => {
    sound.current?.pause();
    if (playing === language) {
      setPlaying('');
      return;
    }
    const audio = new Audio(`${base}/settings/prompts/${encodeURIComponent(name)}/listen?language=${encodeURIComponent(language)}`);
    sound.current = audio;
    audio.onended = () => setPlaying('');
    audio.onerror = () => {
      setPlaying('');
      void message.error(t('admin.noSound'));
    };
    setPlaying(language);
    audio.play().catch(() => setPlaying(''));
  };
  return (
    <>
      {languages.map((language) => (
        <Button key={language} size="small" icon={<Icon name={playing === language ? 'pause' : 'speaker'} size={14} />} aria-label={`${t('admin.listen')}: ${name} ${language}`} onClick={() => play(language)}>
          {language}
        </Button>
      ))}
    </>
  );
}

const sheet: Sheet<'prompts', PromptForm> = {
  kind: 'prompts',
  icon: 'speaker',
  cells: ({ doc }) => <span className="admin-main admin-words">{Object.values(doc.texts ?? {})[0] ?? '♪'}</span>,
  more: ({ name, doc }) => <Listen name={name} doc={doc} />,
  fields: ({ form }) => <PromptFields form={form} />,
  toForm: (doc) => {
    const languages = [...new Set([...Object.keys(doc?.texts ?? {}), ...Object.keys(doc?.sounds ?? {})])];
    return { texts: (languages.length > 0 ? languages : ['zh', 'en']).map((language) => ({ language, text: doc?.texts?.[language], sound: doc?.sounds?.[language] })) };
  },
  toDoc: ({ texts }) => ({
    texts: Object.fromEntries(texts.flatMap((line) => (line.text?.trim() ? [[line.language, line.text.trim()]] : []))),
    sounds: Object.fromEntries(texts.flatMap((line) => (line.sound ? [[line.language, line.sound]] : []))),
  }),
};

/** Prompts: what flows say by name. */
export const Prompts = () => <SettingList sheet={sheet} />;
