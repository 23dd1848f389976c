import type { Session } from '../api/model';
import { Factor } from './Factor';
import { Keys } from './Keys';
import { OwnPlaces } from './Places';
import './guard.css';

/** OwnSecurity is what one does about one's own login. */
export function OwnSecurity({ session }: { session: Session }) {
  return (
    <div className="guard-stack">
      <Factor outside={session.outside} />
      <OwnPlaces />
      <Keys />
    </div>
  );
}
