import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { Button, Input, Modal, Popover } from 'antd';
import { useId, useMemo, useRef, useState } from 'react';
import { useTranslation } from 'react-i18next';
import { problemKey } from '../api/problem';
import { Icon } from '../parts/Icon';
import { useMessage } from '../parts/messages';
import { useActions, type Action } from '../shell/actions';
import { macros, runMacro, undoMacro, type Did, type Macro, type Run, type Thing } from './api';
import { useDone } from './words';
import './rules.css';

const bad = (run: Run) => run.state === 'refused' || run.steps.some((step) => step.result === 'refused');

/** Steps lists what is, or was, done to one object. */
function Steps({ steps }: { steps: readonly Did[] }) {
  const say = useDone();
  return (
    <ol className="macro-steps">
      {steps.map((step, i) => (
        <li key={i} className={step.result === 'refused' ? 'macro-refused' : step.result === 'same' ? 'muted' : undefined}>
          {say(step)}
        </li>
      ))}
    </ol>
  );
}

/** Preview shows what a macro would do before it is run. */
function Preview({ macro, things, onClose }: { macro: Macro; things: readonly Thing[]; onClose: () => void }) {
  const { t } = useTranslation();
  const message = useMessage();
  const client = useQueryClient();
  const { data, error } = useQuery({ queryKey: ['macros', 'preview', macro.name, things], queryFn: () => runMacro(macro.name, things, true), gcTime: 0 });
  const refresh = () => Promise.all(['tickets', 'conversations', 'conversation'].map((key) => client.invalidateQueries({ queryKey: [key] })));
  const undo = useMutation({
    mutationFn: (runs: readonly Run[]) => Promise.all(runs.map((run) => undoMacro(run.id))),
    onSuccess: () => void message.success(t('rules.undone')),
    onError: (failure) => void message.error(t(problemKey(failure))),
    onSettled: refresh,
  });
  const run = useMutation({
    mutationFn: () => runMacro(macro.name, things, false),
    onSuccess: async (runs) => {
      const key = `macro-${Date.now()}`;
      const done = runs.filter((one) => one.state === 'done');
      void message.open({
        key,
        type: runs.some(bad) ? 'warning' : 'success',
        duration: 8,
        content: (
          <span className="macro-done">
            {t(runs.some(bad) ? 'rules.ranPartly' : 'rules.ran', { name: macro.label, count: done.length })}
            {done.length > 0 && (
              <Button
                size="small"
                onClick={() => {
                  message.destroy(key);
                  undo.mutate(done);
                }}
              >
                {t('rules.undo')}
              </Button>
            )}
          </span>
        ),
      });
      await refresh();
      onClose();
    },
    onError: (failure) => void message.error(t(problemKey(failure))),
  });
  const trouble = data?.filter(bad) ?? [];
  const gone = data?.filter((one) => one.state === 'refused').length ?? 0;
  return (
    <Modal
      open
      title={macro.label}
      okText={t(things.length > 1 ? 'rules.runOn' : 'rules.run', { count: things.length })}
      cancelText={t('settings.cancel')}
      okButtonProps={{ disabled: !data || gone === things.length }}
      confirmLoading={run.isPending}
      onOk={() => run.mutate()}
      onCancel={onClose}
    >
      {error && <p role="alert">{t(problemKey(error))}</p>}
      {!data && !error && <p className="muted">{t('app.loading')}</p>}
      {data && things.length === 1 && data[0] && (data[0].state === 'refused' ? <p className="macro-refused">{t('rules.refused', { why: t(`rules.why.${data[0].reason}`, data[0].reason ?? '') })}</p> : <Steps steps={data[0].steps} />)}
      {data && things.length > 1 && (
        <>
          <p>{t('rules.previewMany', { count: things.length, bad: trouble.length })}</p>
          <ul className="macro-many">
            {(trouble.length > 0 ? trouble : data).slice(0, 5).map((one) => (
              <li key={one.object + one.object_id}>
                <strong className="num">#{one.object_id}</strong>
                {one.state === 'refused' ? <p className="macro-refused">{t('rules.refused', { why: t(`rules.why.${one.reason}`, one.reason ?? '') })}</p> : <Steps steps={one.steps} />}
              </li>
            ))}
          </ul>
        </>
      )}
    </Modal>
  );
}

/** List is the macros to choose from, narrowed by typing. */
function List({ kind, onChoose, onLeave }: { kind: Thing['kind']; onChoose: (macro: Macro) => void; onLeave: () => void }) {
  const { t } = useTranslation();
  const { data, error } = useQuery(macros(kind));
  const [text, setText] = useState('');
  const id = useId();
  if (error) return <p role="alert">{t(problemKey(error))}</p>;
  if (!data) return <p className="muted">{t('app.loading')}</p>;
  if (data.length === 0) return <p className="muted macro-none">{t('rules.noMacros')}</p>;
  const found = data.filter((macro) => macro.label.toLowerCase().includes(text.trim().toLowerCase()));
  return (
    <div
      className="macro-list"
      onKeyDown={(event) => {
        if (event.key !== 'Escape' || event.nativeEvent.isComposing) return;
        event.stopPropagation();
        onLeave();
      }}
    >
      <Input
        autoFocus
        size="small"
        value={text}
        placeholder={t('rules.findMacro')}
        aria-label={t('rules.findMacro')}
        aria-controls={id}
        onChange={(event) => setText(event.target.value)}
        onKeyDown={(event) => {
          if (event.key === 'Enter' && !event.nativeEvent.isComposing && found[0]) onChoose(found[0]);
        }}
      />
      <ul id={id}>
        {found.map((macro) => (
          <li key={macro.name}>
            <button type="button" onClick={() => onChoose(macro)}>
              <span>{macro.label}</span>
              <small className="muted">{macro.actions.map((action) => t(`rules.do.${action.do}`)).join(' · ')}</small>
            </button>
          </li>
        ))}
      </ul>
    </div>
  );
}

/** MacroMenu runs a macro on one object, or on several at once; what it would do is shown first. */
export function MacroMenu({ object, objects, disabled }: { object?: Thing; objects?: readonly Thing[]; disabled?: boolean }) {
  const { t } = useTranslation();
  const [open, setOpen] = useState(false);
  const [chosen, setChosen] = useState<Macro | null>(null);
  const button = useRef<HTMLButtonElement>(null);
  const things = objects ?? (object ? [object] : []);
  const kind = things[0]?.kind;
  const off = disabled === true || !kind;
  useActions(useMemo<Action[]>(() => (off ? [] : [{ id: 'macro', group: 'work', icon: 'more', label: t('rules.macros'), code: 'KeyM', run: () => setOpen(true) }]), [off, t]));
  return (
    <>
      <Popover
        open={open && !!kind}
        onOpenChange={setOpen}
        trigger="click"
        placement="bottomRight"
        destroyOnHidden
        content={
          kind && (
            <List
              kind={kind}
              onLeave={() => {
                setOpen(false);
                button.current?.focus(); // and not to the page's top
              }}
              onChoose={(macro) => {
                setOpen(false);
                setChosen(macro);
              }}
            />
          )
        }
      >
        <button ref={button} type="button" className="chip macro-open" disabled={off} aria-keyshortcuts="M" aria-haspopup="dialog" aria-expanded={open}>
          <Icon name="more" size={15} />
          {t('rules.macros')}
        </button>
      </Popover>
      {chosen && <Preview macro={chosen} things={things} onClose={() => setChosen(null)} />}
    </>
  );
}
