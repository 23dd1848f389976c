import { useQuery, useSuspenseQuery } from '@tanstack/react-query';
import { lost } from '../api/problem';
import { session } from '../api/queries';
import { contact as contactOf } from '../contact/api';
import { IdentitiesCard, PersonCard, SameCard } from '../contact/Person';
import { TimelineCard } from '../contact/Timeline';
import { Failed, Waiting } from '../parts/Notice';

/** PersonTab is who it is, and who may be the same. */
export function PersonTab({ contact }: { contact: number }) {
  const me = useSuspenseQuery(session).data?.user;
  const { data, error, refetch } = useQuery(contactOf(String(contact)));
  if (lost(error, data)) return <Failed error={error} retry={() => void refetch()} />;
  if (!data || !me) return <Waiting rows={4} />;
  return (
    <>
      <SameCard contact={data} />
      <PersonCard contact={data} />
      <IdentitiesCard key={data.id} contact={data} me={me} />
    </>
  );
}

/** TimelineTab is everything that happened with a person. */
export function TimelineTab({ contact }: { contact: number }) {
  const me = useSuspenseQuery(session).data?.user;
  return me ? <TimelineCard contact={contact} me={me} /> : null;
}
