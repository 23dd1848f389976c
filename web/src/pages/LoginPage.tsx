import { useMutation, useQueryClient } from '@tanstack/react-query';
import { useNavigate, useSearch } from '@tanstack/react-router';
import { useState, type SyntheticEvent } from 'react';
import { useTranslation } from 'react-i18next';
import { request, setCSRF } from '../api/client';
import type { Session } from '../api/model';
import { Problem, problemKey } from '../api/problem';
import { session } from '../api/queries';
import { setLanguage, suggestLanguage } from '../i18n';
import { Title } from '../parts/Title';
import { Icon, Mark } from '../parts/Icon';
import './login.css';

function sentence(error: unknown): string {
  if (error instanceof Problem && error.status === 401) return 'login.wrong';
  if (error instanceof Problem && error.status === 429) return 'login.locked';
  return problemKey(error);
}

function useLogin() {
  const client = useQueryClient();
  const navigate = useNavigate();
  const { next } = useSearch({ from: '/login' });
  return useMutation({
    mutationFn: (body: { username: string; password: string }) => request<Session>('/session', { method: 'POST', body, anonymous: true }),
    onSuccess: (found) => {
      setCSRF(found.csrf);
      client.clear();
      client.setQueryData(session.queryKey, found);
      void suggestLanguage(found.user.language);
      void navigate({ href: next ?? '/live', replace: true });
    },
  });
}

export function LoginPage() {
  const { t, i18n } = useTranslation();
  const { ended } = useSearch({ from: '/login' });
  const [shown, setShown] = useState(false);
  const login = useLogin();

  const submit = (event: SyntheticEvent<HTMLFormElement>) => {
    event.preventDefault();
    const form = new FormData(event.currentTarget);
    const field = (name: string) => {
      const value = form.get(name);
      return typeof value === 'string' ? value : '';
    };
    login.mutate({ username: field('username').trim(), password: field('password') });
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
        <div aria-live="assertive">{login.isError && <p className="login-error">{t(sentence(login.error))}</p>}</div>
        <button className="login-submit" type="submit" disabled={login.isPending}>
          {t(login.isPending ? 'login.busy' : 'login.submit')}
        </button>
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
