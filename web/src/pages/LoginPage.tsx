import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { useNavigate, useSearch } from '@tanstack/react-router';
import { useState, type SyntheticEvent } from 'react';
import { useTranslation } from 'react-i18next';
import { request, setCSRF } from '../api/client';
import type { Session } from '../api/model';
import { Problem, problemKey } from '../api/problem';
import { session } from '../api/queries';
import { base } from '../api/client';
import { signInOptions } from '../guard/api';
import { homeOf } from '../shell/roles';
import { setLanguage, suggestLanguage } from '../i18n';
import { Title } from '../parts/Title';
import { Icon, Mark } from '../parts/Icon';
import './login.css';

// The server's own words tell whether a code is asked for, or was wrong.
const factorAsked = (error: unknown): boolean => error instanceof Problem && error.status === 401 && error.detail.startsWith('second factor');

function sentence(error: unknown): string {
  if (factorAsked(error)) return error instanceof Problem && error.detail === 'second factor' ? '' : 'guard.wrongCode';
  if (error instanceof Problem && error.status === 401) return 'login.wrong';
  if (error instanceof Problem && error.status === 429) return 'login.locked';
  return problemKey(error);
}

function useLogin() {
  const client = useQueryClient();
  const navigate = useNavigate();
  const { next } = useSearch({ from: '/login' });
  return useMutation({
    mutationFn: (body: { username: string; password: string; code?: string }) => request<Session>('/session', { method: 'POST', body, anonymous: true }),
    onSuccess: (found) => {
      setCSRF(found.csrf);
      client.clear();
      client.setQueryData(session.queryKey, found);
      void suggestLanguage(found.user.language);
      void navigate({ href: next ?? homeOf(found.user.role), replace: true });
    },
  });
}

export function LoginPage() {
  const { t, i18n } = useTranslation();
  const { ended, next, outside } = useSearch({ from: '/login' });
  const { data: options } = useQuery(signInOptions);
  const [shown, setShown] = useState(false);
  const login = useLogin();
  const [coded, setCoded] = useState(false);
  const asked = coded || factorAsked(login.error);
  if (asked && !coded) setCoded(true); // the field stays while it is tried

  const submit = (event: SyntheticEvent<HTMLFormElement>) => {
    event.preventDefault();
    const form = new FormData(event.currentTarget);
    const field = (name: string) => {
      const value = form.get(name);
      return typeof value === 'string' ? value : '';
    };
    login.mutate({ username: field('username').trim(), password: field('password'), code: field('code').trim() || undefined });
  };

  return (
    <main className="login">
      <Title>{t('login.title')}</Title>
      <form className="login-card" onSubmit={submit}>
        <div className="login-brand">
          <Mark size={46} />
          <div>
            <h1>
              听心 <span>Tingxin</span>
            </h1>
            <p className="muted">{t('app.motto')}</p>
          </div>
        </div>
        {ended && !login.isError && <p className="login-note">{t('login.ended')}</p>}
        <label>
          <span>{t('login.username')}</span>
          <input name="username" autoComplete="username" autoCapitalize="none" spellCheck={false} required autoFocus />
        </label>
        <label>
          <span>{t('login.password')}</span>
          <span className="login-secret">
            <input name="password" type={shown ? 'text' : 'password'} autoComplete="current-password" required />
            <button type="button" aria-pressed={shown} aria-label={t(shown ? 'login.hide' : 'login.show')} onClick={() => setShown(!shown)}>
              <Icon name="eye" />
            </button>
          </span>
        </label>
        {asked && (
          <label>
            <span>{t('guard.code')}</span>
            <input name="code" autoComplete="one-time-code" autoCapitalize="none" spellCheck={false} maxLength={40} required autoFocus />
            <span className="muted">{t('guard.codeHint')}</span>
          </label>
        )}
        <div aria-live="assertive">
          {login.isError && sentence(login.error) && <p className="login-error">{t(sentence(login.error))}</p>}
          {outside && !login.isError && <p className="login-error">{t(`guard.outsideLogin.${outside}`)}</p>}
        </div>
        <button className="login-submit" type="submit" disabled={login.isPending}>
          {t(login.isPending ? 'login.busy' : 'login.submit')}
        </button>
        {options?.outside && (
          <a className="login-outside" href={`${base}/session/outside${next ? `?next=${encodeURIComponent(next)}` : ''}`}>
            {t('guard.outsideLogin.by', { name: options.outside })}
          </a>
        )}
        <div className="login-language">
          <button type="button" lang="zh-CN" aria-pressed={i18n.language === 'zh-CN'} onClick={() => void setLanguage('zh-CN')}>
            中文
          </button>
          <button type="button" lang="en" aria-pressed={i18n.language === 'en'} onClick={() => void setLanguage('en')}>
            English
          </button>
        </div>
      </form>
    </main>
  );
}
