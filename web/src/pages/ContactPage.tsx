import { useQuery } from '@tanstack/react-query';
import { Link, useParams } from '@tanstack/react-router';
import { useTranslation } from 'react-i18next';
import { Problem } from '../api/problem';
import { session } from '../api/queries';
import { contact as contactQuery } from '../contact/api';
import { IdentitiesCard, PersonCard, SameCard } from '../contact/Person';
import { ConsentCard, DataCard } from '../contact/Privacy';
import { TimelineCard } from '../contact/Timeline';
import { Icon } from '../parts/Icon';
import { Empty, Failed, Waiting } from '../parts/Notice';
import { Title } from '../parts/Title';
import './calls.css';
import './contacts.css';

/** ContactPage is one person: who it is at the left, what happened at the right. */
export function ContactPage() {
  const { t } = useTranslation();
  const { contactId } = useParams({ from: '/shell/contacts/$contactId' });
  const me = useQuery(session).data?.user;
  const { data, error, isPending, refetch } = useQuery({ ...contactQuery(contactId), refetchInterval: ({ state }) => (state.data?.erasures.some((job) => job.state === 'waiting') ? 2000 : false) });
  const name = data ? data.name || t('contacts.unnamed') : t('contacts.title');
  return (
    <div className="page">
      <Title>{name}</Title>
      <div className="page-head">
        <Link to="/contacts" className="round" aria-label={t('contacts.back')} title={t('contacts.back')}>
          <Icon name="back" size={18} />
        </Link>
        <h1>{name}</h1>
        {data?.vip && <span className="tag tag-vip">{t('contacts.vip')}</span>}
        {data && <span className="muted num">#{data.id}</span>}
        {data && data.asked !== data.id && <span className="muted">{t('contacts.wasMerged', { id: data.asked })}</span>}
      </div>
      {error && (error instanceof Problem && error.status === 404 ? <Empty icon="contacts" title={t('contacts.gone')} /> : <Failed error={error} retry={() => void refetch()} />)}
      {isPending && <Waiting rows={8} />}
      {data && me && (
        <div className="contact-columns">
          <div className="contact-column">
            {data.erased_at ? (
              <p className="card part">{t('contacts.wasErased')}</p>
            ) : (
              <>
                <PersonCard contact={data} />
                <IdentitiesCard key={data.id} contact={data} me={me} />
                <SameCard contact={data} />
                <ConsentCard contact={data} />
              </>
            )}
            <DataCard contact={data} me={me} />
          </div>
          {!data.erased_at && <TimelineCard contact={data.id} me={me} />}
        </div>
      )}
    </div>
  );
}
