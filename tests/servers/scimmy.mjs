// A SCIM 2.0 server of another author: SCIMMY behind Express, users and groups in memory.
// Arguments: the folder with the packages, the port, the bearer token.
import {randomUUID} from "node:crypto";
import {createRequire} from "node:module";
import {pathToFileURL} from "node:url";

const [folder, port, token] = process.argv.slice(2);
const require = createRequire(pathToFileURL(`${folder}/package.json`));
const load = name => require(name).default ?? require(name);
const [express, SCIMMY, SCIMMYRouters] = [load("express"), load("scimmy"), load("scimmy-routers")];

function declare(Resource, name) {
    const records = new Map();
    SCIMMY.Resources.declare(Resource, {
        egress: resource => {
            if (resource.id) {
                if (!records.has(resource.id)) throw new SCIMMY.Types.Error(404, null, `${resource.id} not found`);
                return records.get(resource.id);
            }
            const all = [...records.values()];
            return resource.filter ? resource.filter.match(all) : all;
        },
        ingress: (resource, data) => {
            const id = resource.id ?? randomUUID();
            if (resource.id && !records.has(id)) throw new SCIMMY.Types.Error(404, null, `${id} not found`);
            const same = [...records.values()].some(other => other.id !== id && other[name] === data[name]);
            if (same) throw new SCIMMY.Types.Error(409, "uniqueness", `${data[name]} is taken`);
            const now = new Date().toISOString();
            const created = records.get(id)?.meta.created ?? now;
            records.set(id, {...JSON.parse(JSON.stringify(data)), id, meta: {created, lastModified: now}});
            return records.get(id);
        },
        degress: resource => {
            if (!records.delete(resource.id)) throw new SCIMMY.Types.Error(404, null, `${resource.id} not found`);
        },
    });
}

declare(SCIMMY.Resources.User, "userName");
declare(SCIMMY.Resources.Group, "displayName");
const handler = request => {
    if (request.header("Authorization") !== `Bearer ${token}`) throw new Error("The token is wrong");
    return "operator";
};
const app = express();
app.use("/scim", new SCIMMYRouters({type: "bearer", handler}));
app.listen(Number(port), "127.0.0.1");
