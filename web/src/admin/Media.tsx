import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { Button, Form } from 'antd';
import { useState, type ReactNode } from 'react';
import { useTranslation } from 'react-i18next';
import { lost } from '../api/problem';
import type { Fault } from '../api/problem';
import { Failed, Waiting } from '../parts/Notice';
import { useMessage } from '../parts/messages';
import { Faults, show, useFaults } from './faults';
import { Count, Secret, Tags, Text, Time } from './fields';
import { bare, put, settings, single, type Docs } from './kinds';
import { History, Remove, Restart } from './SettingList';
import { SectionHead } from './SectionHead';

const options = (names: readonly string[]) => names.map((value) => ({ value, label: value }));

type Kind = 'codecs' | 'turn';

/** One is the form of what there is once. */
function One({ kind, children }: { kind: Kind; children: (secrets: string[]) => ReactNode }) {
  const { t } = useTranslation();
  const message = useMessage();
  const client = useQueryClient();
  const say = useFaults();
  const [form] = Form.useForm<Docs[Kind]>();
  const [faults, setFaults] = useState<Fault[]>([]);
  const { data, error, refetch } = useQuery(settings(kind));
  const there = data?.items.find((item) => item.name === single);
  const save = useMutation({
    mutationFn: (doc: Docs[Kind]) => put(kind, single, { doc: bare(doc), version: there?.newest }),
    onMutate: () => setFaults([]),
    onSuccess: async () => {
      await client.invalidateQueries({ queryKey: ['admin'] });
      form.setFieldsValue({ secret: undefined }); // it is kept, and not shown again
      void message.success(t('admin.savedRestart'));
    },
    onError: (problem) => setFaults(show(form, problem, say)),
  });
  if (lost(error, data)) return <Failed error={error} retry={() => void refetch()} />;
  if (!data) return <Waiting />;
  return (
    <section className="card admin-one">
      <SectionHead title={t(`admin.sections.${kind}`)} about={t(`admin.about.${kind}`)}>
        {there && <Remove kind={kind} name={single} />}
      </SectionHead>
      <Restart restart={data.restart} pending={data.pending} />
      <Faults faults={faults} error={save.error} />
      <Form key={there?.version ?? 0} form={form} layout="vertical" requiredMark={false} initialValues={there?.doc} onFinish={(doc: Docs[Kind]) => save.mutate(doc)}>
        {children(there?.secrets ?? [])}
        <Button type="primary" htmlType="submit" loading={save.isPending}>
          {t('settings.save')}
        </Button>
      </Form>
      {there && <History kind={kind} name={single} />}
    </section>
  );
}

/** Media: codecs and the relay for browsers. */
export function Media() {
  return (
    <div className="admin-pairs">
      <One kind="codecs">
        {() => (
          <>
            <Tags name="trunks" label="codecsTrunks" hint="codecsTrunks" options={options(['PCMA', 'PCMU', 'G722'])} />
            <Tags name="browsers" label="codecsBrowsers" hint="codecsBrowsers" options={options(['opus', 'PCMA', 'PCMU', 'G722'])} />
          </>
        )}
      </One>
      <One kind="turn">
        {(secrets) => (
          <>
            <Text name="listen" label="listen" hint="listen" placeholder="0.0.0.0:3478" />
            <Text name="host" label="host" />
            <div className="admin-pair">
              <Count name="port_min" label="portMin" max={65535} placeholder="31000" />
              <Count name="port_max" label="portMax" max={65535} placeholder="31999" />
              <Time name="lifetime" label="lifetime" placeholder="12h" />
              <Count name="per_user" label="perUser" max={1000} placeholder="8" />
            </div>
            <Secret name="secret" label="secret" kept={secrets.includes('secret')} />
            <Text name="listen_tls" label="listenTLS" placeholder="0.0.0.0:5349" />
            <div className="admin-pair admin-pair-end">
              <Text name="certificate" label="certificate" />
              <Text name="key" label="key" />
            </div>
          </>
        )}
      </One>
    </div>
  );
}
