// PostGraphile with its amber preset, on the tables as they are, and smart tags that name what is asked for. Node ids of its
// own are off, since nothing asks for them. There is no protection.
import { createServer } from "node:http";
import { grafserv } from "postgraphile/grafserv/node";
import { postgraphile } from "postgraphile";
import { PostGraphileAmberPreset } from "postgraphile/presets/amber";
import { makePgService } from "postgraphile/adaptors/pg";
import { jsonPgSmartTags } from "postgraphile/utils";

const tags = jsonPgSmartTags({
  version: 1,
  config: {
    class: {
      tenants: {
        // No index begins with it, so that without this nothing is narrowed by it.
        attribute: { kind: { tags: { behavior: "+attribute:filterBy" } } },
        constraint: {
          tenants_pkey: { tags: { fieldName: "tenant" } },
          tenants_root: { tags: { foreignFieldName: "subTenants" } },
        },
      },
      credentials: {
        constraint: {
          credentials_pkey: { tags: { fieldName: "credential" } },
          credentials_owner: { tags: { fieldName: "owner", foreignFieldName: "credentials" } },
        },
      },
    },
  },
});

const preset = {
  extends: [PostGraphileAmberPreset],
  plugins: [tags],
  disablePlugins: ["NodePlugin"],
  pgServices: [makePgService({ connectionString: process.argv[2], schemas: ["public"], poolConfig: { max: 20 } })],
  grafserv: { graphiql: false, watch: false },
  grafast: { explain: false },
};

const instance = postgraphile(preset);
const serv = instance.createServ(grafserv);
const http = createServer();
await serv.addTo(http);
http.listen(0, "127.0.0.1", () => {
  console.log(`listening at http://127.0.0.1:${http.address().port}`);
});
