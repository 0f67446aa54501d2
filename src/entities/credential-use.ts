import { Column, Entity, PrimaryColumn } from "typeorm";

/** When a key was last used against Apple. Apart from the credential: who uses a shared key may not write to it. */
@Entity()
export class CredentialUse {
  @PrimaryColumn("text")
  rootId!: string;

  @PrimaryColumn("text")
  credentialId!: string;

  @Column("timestamptz")
  lastUsedAt!: Date;
}
